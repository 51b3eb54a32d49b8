-- The next sessions with limits of one queue and analysis, and the suspects among them.
SELECT * FROM (
    SELECT id, limits, turn_at, available_at, rowid AS number, crashes, waits_for
    FROM analysis_sessions INDEXED BY sessions_limited
    WHERE
        queue = (SELECT :queue) AND analysis = (SELECT :analysis) AND status = 'pending' AND ready = 3
        AND (crashes = 0 OR :most_crashes < 2)
        AND ((SELECT :excluded) IS NULL OR id NOT IN (SELECT value FROM json_each(:excluded)))
    ORDER BY turn_at, available_at, rowid
    LIMIT :limit + 0
)
UNION ALL
SELECT * FROM (
    SELECT id, limits, turn_at, available_at, rowid AS number, crashes, waits_for
    FROM analysis_sessions INDEXED BY sessions_suspect
    WHERE
        queue = (SELECT :queue) AND analysis = (SELECT :analysis) AND status = 'pending' AND ready = 2
        AND limits IS NOT NULL AND :most_crashes = 0
        AND ((SELECT :excluded) IS NULL OR id NOT IN (SELECT value FROM json_each(:excluded)))
)
