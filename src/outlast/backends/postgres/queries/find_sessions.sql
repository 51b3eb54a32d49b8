-- By the beginning of an id, or by a reference, which an earlier attempt may have had. Ids have 26 characters, of
-- which z is the last in every collation.
SELECT {session_columns} FROM {sessions}
WHERE s.id = ANY(
    ARRAY(
        (
            SELECT f.id FROM analysis_sessions AS f
            WHERE f.id >= %(text)s AND f.id <= rpad(%(text)s, 26, 'z') AND starts_with(f.id, %(text)s)
            LIMIT %(limit)s
        )
        UNION ALL
        (SELECT a.session_id FROM attempts AS a WHERE a.reference = %(text)s LIMIT %(limit)s)
    )
)
ORDER BY s.created_at DESC, s.number DESC
LIMIT %(limit)s
