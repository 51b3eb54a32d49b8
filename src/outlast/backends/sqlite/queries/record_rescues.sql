-- Each of :taken is [id, claim, status, crashes, lapses, line, error, error_code].
INSERT INTO attempts (
    session_id, claim, attempt, worker_id, ended, ended_at, error, cause, error_code, last_step, host, duration_ms
)
SELECT
    id, claim, attempt, worker_id, :ended, :now, t.value ->> 5, :cause, t.value ->> 7, {last_step}, {host_of_worker},
    {uncounted_ms}
FROM (SELECT value FROM json_each(:taken)) AS t CROSS JOIN analysis_sessions
WHERE id = t.value ->> 0 AND claim = t.value ->> 1 AND +status = 'processing'
