SELECT {shown_version} FROM analysis_sessions
WHERE id = :id AND user_session = :owner
