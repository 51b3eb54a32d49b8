SELECT {session_columns} FROM analysis_sessions
WHERE id = :id AND (:owner IS NULL OR user_session = :owner)
