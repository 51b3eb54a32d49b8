INSERT INTO attempts (
    session_id, claim, attempt, worker_id, ended, ended_at, error, cause, error_code, last_step, host, duration_ms
)
SELECT
    s.id, s.claim, s.attempt, s.worker_id, %(ended)s, now.at, t.line, %(cause)s::text, t.error_code, {last_step},
    {host_of_worker}, {uncounted_ms}
FROM json_to_recordset(%(taken)s::json) AS t (session_id text, claim bigint, line text, error_code text)
INNER JOIN analysis_sessions AS s ON s.id = t.session_id
CROSS JOIN ({now}) AS now
WHERE s.claim = t.claim AND s.status = 'processing'
