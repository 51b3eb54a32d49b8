SELECT session_id, claim, attempt, worker_id, ended, ended_at, error, reference, cause FROM attempts
WHERE session_id IN (SELECT value FROM json_each(:ids))
ORDER BY session_id, claim
