SELECT {session_columns} FROM analysis_sessions
WHERE rowid IN (
    {matches_of_status(pending)}
    UNION ALL {matches_of_status(processing)}
    UNION ALL {matches_of_status(completed)}
    UNION ALL {matches_of_status(failed)}
    UNION ALL {matches_of_status(cancelled)}
)
ORDER BY created_at DESC, rowid DESC
LIMIT :limit + 0
