SELECT {session_columns} FROM analysis_sessions
WHERE user_session = (SELECT :owner) AND (:status IS NULL OR {shown_status} = :status) AND {selected}
ORDER BY created_at DESC, rowid DESC
LIMIT :limit + 0
