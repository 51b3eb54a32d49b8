SELECT id FROM analysis_sessions WHERE run_id = %(id)s AND ready = -1 LIMIT 1
