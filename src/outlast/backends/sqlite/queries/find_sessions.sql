-- By the beginning of an id, or by a reference, which an earlier attempt may have had.
SELECT {session_columns} FROM analysis_sessions
WHERE id IN (
    SELECT * FROM (
        SELECT p.id FROM analysis_sessions AS p WHERE p.id >= :text AND p.id < :beyond LIMIT :limit + 0
    )
    UNION
    SELECT * FROM (
        SELECT a.session_id FROM attempts AS a WHERE a.reference = (SELECT :text) LIMIT :limit + 0
    )
)
ORDER BY created_at DESC, rowid DESC
LIMIT :limit + 0
