SELECT session_id, worker_id, cause, ended_at FROM attempts
WHERE session_id = ANY(%(ids)s) AND ended = 'crashed'
ORDER BY session_id, claim
