SELECT id FROM analysis_sessions WHERE user_session = (SELECT :owner) AND completed_at IS NULL ORDER BY created_at, rowid
