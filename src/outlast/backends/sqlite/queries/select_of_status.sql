SELECT {session_columns} FROM analysis_sessions
WHERE status = (SELECT :status) AND (:analysis IS NULL OR analysis = :analysis)
ORDER BY created_at DESC, rowid DESC
LIMIT :limit + 0
