SELECT id FROM analysis_sessions WHERE user_session = %(owner)s AND completed_at IS NULL ORDER BY created_at, number
