-- The newest of each status first: so no index on the time alone is needed.
SELECT {session_columns} FROM analysis_sessions
WHERE rowid IN (
    SELECT * FROM (
        SELECT rowid FROM analysis_sessions
        WHERE status = 'pending' AND (:analysis IS NULL OR analysis = :analysis)
        ORDER BY created_at DESC, rowid DESC LIMIT :limit + 0
    )
    UNION ALL
    SELECT * FROM (
        SELECT rowid FROM analysis_sessions
        WHERE status = 'processing' AND (:analysis IS NULL OR analysis = :analysis)
        ORDER BY created_at DESC, rowid DESC LIMIT :limit + 0
    )
    UNION ALL
    SELECT * FROM (
        SELECT rowid FROM analysis_sessions
        WHERE status = 'completed' AND (:analysis IS NULL OR analysis = :analysis)
        ORDER BY created_at DESC, rowid DESC LIMIT :limit + 0
    )
    UNION ALL
    SELECT * FROM (
        SELECT rowid FROM analysis_sessions
        WHERE status = 'failed' AND (:analysis IS NULL OR analysis = :analysis)
        ORDER BY created_at DESC, rowid DESC LIMIT :limit + 0
    )
    UNION ALL
    SELECT * FROM (
        SELECT rowid FROM analysis_sessions
        WHERE status = 'cancelled' AND (:analysis IS NULL OR analysis = :analysis)
        ORDER BY created_at DESC, rowid DESC LIMIT :limit + 0
    )
)
ORDER BY created_at DESC, rowid DESC
LIMIT :limit + 0
