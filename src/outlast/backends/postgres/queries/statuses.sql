SELECT id, status, run_id IS NOT NULL OR right(user_session, 10) = ' everybody' AS shared FROM analysis_sessions WHERE id = ANY(%(ids)s)
