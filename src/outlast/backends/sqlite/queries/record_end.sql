-- The fence of every end: writes the line of history if the claim still holds the session, else nothing.
INSERT INTO attempts (
    session_id, claim, attempt, worker_id, ended, ended_at, error, reference, error_code, last_step, host,
    duration_ms, exception, exception_message, traceback
)
SELECT
    id, claim, attempt, worker_id, :ended, :now, :error, :reference, :error_code, :last_step, {host_of_worker},
    {uncounted_ms}, :exception, :exception_message, :traceback
FROM analysis_sessions
WHERE id = :id AND claim = :claim AND status = 'processing'
RETURNING 1
