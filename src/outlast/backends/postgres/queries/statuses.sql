SELECT id, status FROM analysis_sessions WHERE id = ANY(%(ids)s)
