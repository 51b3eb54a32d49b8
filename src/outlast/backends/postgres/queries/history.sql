SELECT claim, attempt, worker_id, ended, ended_at, error, reference FROM attempts
WHERE session_id = %(id)s
ORDER BY claim
