-- The last failure first, by the index of failures alone.
SELECT {session_columns} FROM {sessions}
WHERE
    s.status = 'failed'
    AND s.completed_at >= coalesce(%(ended_since)s::timestamptz, '-infinity')
    AND s.completed_at <= CASE
        WHEN %(after)s::text IS NULL THEN 'infinity'
        ELSE (SELECT c.completed_at FROM analysis_sessions AS c WHERE c.id = %(after)s)
    END
    AND (
        %(after)s::text IS NULL
        OR (s.completed_at, s.queue, s.number)
        < (SELECT c.completed_at, c.queue, c.number FROM analysis_sessions AS c WHERE c.id = %(after)s)
    )
    AND (%(owner)s::text IS NULL OR s.user_session = %(owner)s)
    AND (%(since)s::timestamptz IS NULL OR s.created_at >= %(since)s)
    AND {chosen}
ORDER BY s.completed_at DESC, s.queue DESC, s.number DESC
LIMIT %(limit)s
