-- The next of one queue and analysis, with a mark on suspects; the caller merges several.
SELECT * FROM (
    SELECT priority, available_at, rowid, 0 FROM analysis_sessions
    WHERE queue = :queue AND analysis = :analysis AND status = 'pending' AND ready = 1 AND crashes < 2
    ORDER BY priority DESC, available_at, rowid
    LIMIT :limit
)
UNION ALL
SELECT * FROM (
    SELECT priority, available_at, rowid, 1 FROM analysis_sessions
    WHERE queue = :queue AND analysis = :analysis AND status = 'pending' AND ready = 1 AND crashes >= 2
    ORDER BY priority DESC, available_at, rowid
    LIMIT :suspects
)
