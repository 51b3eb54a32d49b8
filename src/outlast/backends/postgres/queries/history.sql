SELECT claim, attempt, worker_id, ended, ended_at, error, reference, cause FROM attempts
WHERE session_id = %(id)s
ORDER BY claim
