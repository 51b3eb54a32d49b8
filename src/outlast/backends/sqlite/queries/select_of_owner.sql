SELECT {session_columns} FROM analysis_sessions
WHERE
    user_session = (SELECT :owner)
    AND (:status IS NULL OR status = :status)
    AND (:analysis IS NULL OR analysis = :analysis)
    AND (
        :after_time IS NULL
        OR created_at < :after_time
        OR (
            created_at = :after_time
            AND rowid < (SELECT a.rowid FROM analysis_sessions AS a WHERE a.id = :after_id)
        )
    )
ORDER BY created_at DESC, rowid DESC
LIMIT :limit + 0
