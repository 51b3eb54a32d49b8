-- The next of one queue and analysis, with a mark on suspects, of which the last to come is
-- the likeliest culprit; the caller merges several.
SELECT * FROM (
    SELECT priority, available_at, rowid, 0 FROM analysis_sessions INDEXED BY sessions_claimable
    WHERE queue = (SELECT :queue) AND analysis = (SELECT :analysis) AND status = 'pending' AND ready = 1
    ORDER BY priority DESC, available_at, rowid
    LIMIT :limit + 0
)
UNION ALL
SELECT * FROM (
    SELECT priority, available_at, rowid, 1 FROM analysis_sessions INDEXED BY sessions_suspect
    WHERE queue = (SELECT :queue) AND analysis = (SELECT :analysis) AND status = 'pending' AND ready = 2
    ORDER BY priority DESC, rowid DESC
    LIMIT :suspects + 0
)
