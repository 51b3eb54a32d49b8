-- Equal hints of one transaction are sent once, when it is committed. No row: a copy has locked the starts.
SELECT
    a.answer, a.known, a.counted, a.run, a.created,
    CASE WHEN a.created AND n.hint IS NOT NULL THEN pg_notify('outlast', n.hint)::text END AS told
FROM json_to_recordset(%(items)s::json) AS n (
    id text, owner text, analysis text, subject text, input text, queue text, priority integer, steps text,
    total_steps integer, max_attempts integer, timeout double precision, active_limit integer,
    pending_limit integer, exact boolean, limits text, traceparent text, reuse_key text, run_id text, hint text
)
CROSS JOIN LATERAL join_run(
    n.id, n.owner, n.analysis, n.subject, n.input, n.queue, n.priority, n.steps, n.total_steps, n.max_attempts,
    n.timeout, n.active_limit, n.pending_limit, n.exact, n.limits, n.traceparent, n.reuse_key, n.run_id
) AS a
WHERE (SELECT pg_try_advisory_xact_lock_shared(7308, 'analysis_sessions'::regclass::oid::integer))
