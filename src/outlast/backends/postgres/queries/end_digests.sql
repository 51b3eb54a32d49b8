SELECT id, end_digest FROM analysis_sessions WHERE id = ANY(%(ids)s)
