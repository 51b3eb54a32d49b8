SELECT DISTINCT worker_id FROM analysis_sessions WHERE status = 'processing'
