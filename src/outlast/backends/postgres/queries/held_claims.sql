SELECT id, claim, cancel_requested_at IS NOT NULL AS cancel_requested FROM analysis_sessions
WHERE status = 'processing' AND worker_id = %(worker_id)s
