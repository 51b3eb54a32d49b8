-- The last failure first, by the index of failures alone.
SELECT {session_columns} FROM analysis_sessions INDEXED BY sessions_failed_by_end
WHERE
    status = 'failed'
    AND completed_at >= coalesce(:ended_since, '')
    AND completed_at
    <= iif(:after IS NULL, '~', (SELECT c.completed_at FROM analysis_sessions AS c WHERE c.id = :after))
    AND (
        :after IS NULL
        OR (completed_at, queue, analysis_sessions.rowid)
        < (SELECT c.completed_at, c.queue, c.rowid FROM analysis_sessions AS c WHERE c.id = :after)
    )
    AND (:owner IS NULL OR user_session = :owner)
    AND (:since IS NULL OR created_at >= :since)
    AND {chosen}
ORDER BY completed_at DESC, queue DESC, rowid DESC
LIMIT :limit + 0
