SELECT {session_columns} FROM {sessions}
WHERE
    s.user_session = %(owner)s
    AND (%(status)s::text IS NULL OR s.status = %(status)s)
    AND (%(analysis)s::text IS NULL OR s.analysis = %(analysis)s)
    AND (
        %(after_time)s::timestamptz IS NULL
        OR s.created_at < %(after_time)s
        OR (
            s.created_at = %(after_time)s
            AND s.number < (SELECT a.number FROM analysis_sessions AS a WHERE a.id = %(after_id)s)
        )
    )
ORDER BY s.created_at DESC, s.number DESC
LIMIT %(limit)s
