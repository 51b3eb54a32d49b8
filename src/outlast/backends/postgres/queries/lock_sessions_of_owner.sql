SELECT id FROM analysis_sessions WHERE user_session = %(anonymous)s ORDER BY id FOR UPDATE
