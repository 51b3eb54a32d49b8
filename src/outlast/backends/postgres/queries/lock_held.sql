SELECT id AS session_id, claim, worker_id, crashes, lapses, cancel_requested_at IS NOT NULL AS cancel_requested
FROM analysis_sessions
WHERE status = 'processing' AND worker_id = %(worker_id)s
ORDER BY id
FOR UPDATE
