INSERT INTO analysis_sessions (
    id, analysis, subject, user_session, input, queue, priority, status, version, claim, worker_id,
    attempt, max_attempts, crashes, timeout, progress_percentage, current_step, current_message, steps, total_steps,
    created_at, updated_at, available_at, started_at, completed_at, cancel_requested_at,
    error, error_code, reference, redirect_url, result_bytes, lapses, waited_ms, worked_ms, timed_from, ready
)
SELECT
    c.id, c.analysis, c.subject, c.owner, c.input, c.queue, c.priority, c.status, c.version, c.claim, c.worker_id,
    c.attempt, c.max_attempts, c.crashes, c.timeout, c.percentage, c.current_step, c.message, c.steps,
    json_array_length(c.steps::json), c.created_at, c.updated_at, c.available_at, c.started_at, c.completed_at,
    c.requested, c.error, c.error_code, c.reference, c.redirect_url, c.result_bytes, c.lapses,
    c.waited_ms, c.worked_ms, now.at,
    CASE WHEN c.available_at > now.at THEN 0 WHEN c.crashes >= 2 THEN 2 ELSE 1 END
FROM ({now}) AS now CROSS JOIN json_to_recordset(%(sessions)s::json) AS c (
    id text, analysis text, subject text, owner text, input text, queue text, priority integer, status text,
    version bigint, claim bigint, worker_id text, attempt integer, max_attempts integer, crashes integer,
    timeout double precision, percentage double precision, current_step integer, message text, steps text,
    created_at timestamptz, updated_at timestamptz, available_at timestamptz, started_at timestamptz,
    completed_at timestamptz, requested timestamptz, error text, error_code text, reference text, redirect_url text,
    result_bytes bigint, lapses integer, waited_ms bigint, worked_ms bigint
)
ORDER BY c.created_at, c.id
