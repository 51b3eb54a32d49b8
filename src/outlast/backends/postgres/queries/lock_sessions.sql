SELECT FROM analysis_sessions WHERE id = ANY(%(ids)s) ORDER BY id FOR UPDATE
