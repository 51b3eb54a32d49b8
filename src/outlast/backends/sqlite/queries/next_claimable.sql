-- The next sessions of one queue and analysis, with their crashes, and of the suspects the newest, as the likeliest cause.
-- The caller merges several results, and claims no other session with crashes beside a suspect.
SELECT * FROM (
    SELECT turn_at, available_at, rowid AS number, crashes FROM analysis_sessions INDEXED BY sessions_claimable
    WHERE
        queue = (SELECT :queue) AND analysis = (SELECT :analysis) AND status = 'pending' AND ready = 1
        AND (crashes = 0 OR :most_crashes < 2)
        AND ((SELECT :excluded) IS NULL OR id NOT IN (SELECT value FROM json_each(:excluded)))
    ORDER BY turn_at, available_at, rowid
    LIMIT :limit + 0
)
UNION ALL
SELECT * FROM (
    SELECT turn_at, available_at, rowid AS number, crashes FROM analysis_sessions INDEXED BY sessions_suspect
    WHERE
        queue = (SELECT :queue) AND analysis = (SELECT :analysis) AND status = 'pending' AND ready = 2
        AND :most_crashes = 0
        AND rowid = (
            SELECT max(s.rowid) FROM analysis_sessions AS s INDEXED BY sessions_suspect
            WHERE
                s.queue = (SELECT :queue) AND s.analysis = (SELECT :analysis)
                AND s.status = 'pending' AND s.ready = 2
                AND ((SELECT :excluded) IS NULL OR s.id NOT IN (SELECT value FROM json_each(:excluded)))
        )
)
