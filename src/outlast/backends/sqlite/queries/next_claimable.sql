-- The next of one queue and analysis, with their crashes: of the suspects, which no other that has fallen may be
-- beside, the last to come, as the likeliest culprit. The caller merges several.
SELECT * FROM (
    SELECT priority, available_at, rowid AS number, crashes FROM analysis_sessions INDEXED BY sessions_claimable
    WHERE
        queue = (SELECT :queue) AND analysis = (SELECT :analysis) AND status = 'pending' AND ready = 1
        AND (crashes = 0 OR :beside < 2)
        AND ((SELECT :passed_over) IS NULL OR id NOT IN (SELECT value FROM json_each(:passed_over)))
    ORDER BY priority DESC, available_at, rowid
    LIMIT :limit + 0
)
UNION ALL
SELECT * FROM (
    SELECT priority, available_at, rowid AS number, crashes FROM analysis_sessions INDEXED BY sessions_suspect
    WHERE
        queue = (SELECT :queue) AND analysis = (SELECT :analysis) AND status = 'pending' AND ready = 2
        AND :beside = 0
        AND rowid = (
            SELECT max(s.rowid) FROM analysis_sessions AS s INDEXED BY sessions_suspect
            WHERE
                s.queue = (SELECT :queue) AND s.analysis = (SELECT :analysis)
                AND s.status = 'pending' AND s.ready = 2
                AND ((SELECT :passed_over) IS NULL OR s.id NOT IN (SELECT value FROM json_each(:passed_over)))
        )
)
