-- Each kind of waiting has an index of its own, so that only what failed before is looked up in the table.
SELECT queue, analysis, sum(waiting) AS waiting, min(since) AS since, sum(later) AS later, sum(blocked) AS blocked
FROM (
    SELECT queue, analysis, count(*) AS waiting, min(available_at) AS since, 0 AS later, 0 AS blocked
    FROM analysis_sessions INDEXED BY sessions_claimable
    WHERE status = 'pending' AND ready = 1
    GROUP BY queue, analysis
    UNION ALL
    SELECT queue, analysis, count(*), min(available_at), 0, 0
    FROM analysis_sessions INDEXED BY sessions_suspect
    WHERE status = 'pending' AND ready = 2
    GROUP BY queue, analysis
    UNION ALL
    SELECT queue, analysis, count(*), min(available_at), 0, 0
    FROM analysis_sessions INDEXED BY sessions_limited
    WHERE status = 'pending' AND ready = 3
    GROUP BY queue, analysis
    UNION ALL
    SELECT queue, analysis, count(*), min(available_at), 0, count(*)
    FROM analysis_sessions INDEXED BY sessions_blocked
    WHERE status = 'pending' AND ready = 4
    GROUP BY queue, analysis
    UNION ALL
    SELECT
        queue, analysis,
        count(*) FILTER (WHERE available_at <= :now),
        min(available_at) FILTER (WHERE available_at <= :now),
        count(*) FILTER (WHERE available_at > :now), 0
    FROM analysis_sessions INDEXED BY sessions_postponed
    WHERE status = 'pending' AND ready = 0
    GROUP BY queue, analysis
)
GROUP BY queue, analysis
ORDER BY queue, analysis
