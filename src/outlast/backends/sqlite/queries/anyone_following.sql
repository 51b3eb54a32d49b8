SELECT 1 FROM analysis_sessions WHERE run_id = :id AND ready = -1 LIMIT 1
