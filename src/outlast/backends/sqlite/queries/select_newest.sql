-- The newest of each status first: so no index on the time alone is needed.
SELECT {session_columns} FROM analysis_sessions
WHERE rowid IN (
    {newest_of_status(pending)}
    UNION ALL {newest_of_status(processing)}
    UNION ALL {newest_of_status(completed)}
    UNION ALL {newest_of_status(failed)}
    UNION ALL {newest_of_status(cancelled)}
)
ORDER BY created_at DESC, rowid DESC
LIMIT :limit + 0
