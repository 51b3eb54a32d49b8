SELECT id FROM analysis_sessions WHERE id = ANY(%(ids)s)
