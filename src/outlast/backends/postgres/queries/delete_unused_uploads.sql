-- The uploads are NULL for all of the owner's.
DELETE FROM uploads WHERE id = ANY(ARRAY(
    SELECT u.id FROM uploads AS u
    WHERE
        u.user_session = %(owner)s
        AND u.sha256 IS NOT NULL
        AND (%(uploads)s::text [] IS NULL OR u.sha256 = ANY(%(uploads)s))
        AND NOT EXISTS (
            SELECT FROM analysis_sessions AS s
            WHERE s.user_session = %(owner)s AND strpos(s.input, 'upload:' || u.sha256) > 0
        )
    LIMIT %(batch)s
))
RETURNING 1 AS counts
