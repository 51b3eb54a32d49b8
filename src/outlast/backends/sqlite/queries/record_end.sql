-- The fence of every end: writes the line of history if the claim still holds the session, else nothing.
INSERT INTO attempts (session_id, claim, attempt, worker_id, ended, ended_at, error, reference)
SELECT id, claim, attempt, worker_id, :ended, :now, :error, :reference FROM analysis_sessions
WHERE id = :id AND claim = :claim AND status = 'processing'
RETURNING 1
