SELECT session_id, claim, attempt, worker_id, ended, ended_at, error, reference, cause FROM attempts
WHERE session_id = ANY(%(ids)s)
ORDER BY session_id, claim
