-- :uploads is NULL for all of the owner's.
DELETE FROM uploads WHERE id IN (
    SELECT u.id FROM uploads AS u
    WHERE
        u.user_session = :owner
        AND u.sha256 IS NOT NULL
        AND (:uploads IS NULL OR u.sha256 IN (SELECT value FROM json_each(:uploads)))
        AND NOT EXISTS (
            SELECT 1 FROM analysis_sessions AS s
            WHERE
                s.user_session = :owner
                AND instr(
                    coalesce(s.input, (SELECT l.input FROM large_inputs AS l WHERE l.session_id = s.id)),
                    'upload:' || u.sha256
                ) > 0
        )
    LIMIT :batch + 0
)
RETURNING 1 AS counts
