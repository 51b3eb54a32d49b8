SELECT session_id, worker_id, cause, ended_at FROM attempts
WHERE session_id IN (SELECT value FROM json_each(:ids)) AND ended = 'crashed'
ORDER BY session_id, claim
