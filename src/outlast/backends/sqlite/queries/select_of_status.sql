-- Sessions that follow a run are found by their own index, however many sessions have the status.
SELECT {session_columns} FROM analysis_sessions
WHERE rowid IN (
    SELECT * FROM (
        SELECT rowid FROM analysis_sessions
        WHERE status = (SELECT :status) AND (status <> 'pending' OR ready >= 0) AND {selected}
        ORDER BY created_at DESC, rowid DESC LIMIT :limit + 0
    )
    UNION ALL SELECT * FROM (
        SELECT rowid FROM analysis_sessions INDEXED BY sessions_following
        WHERE status = 'pending' AND ready = -1 AND {shown_status} = (SELECT :status) AND {selected}
        ORDER BY created_at DESC, rowid DESC LIMIT :limit + 0
    )
)
ORDER BY created_at DESC, rowid DESC
LIMIT :limit + 0
