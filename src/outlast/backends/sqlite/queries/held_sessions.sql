SELECT id AS session_id, claim, worker_id, crashes, lapses, cancel_requested_at IS NOT NULL AS cancel_requested
FROM analysis_sessions INDEXED BY sessions_held
WHERE status = 'processing' AND worker_id IN (SELECT value FROM json_each(:workers))
