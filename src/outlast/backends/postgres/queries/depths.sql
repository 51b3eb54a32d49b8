-- Each kind of waiting has an index of its own, so that only what failed before is looked up in the table.
WITH now AS MATERIALIZED ({now})
SELECT
    pending.queue, pending.analysis, sum(pending.waiting)::bigint AS waiting, min(pending.since) AS since,
    sum(pending.later)::bigint AS later, sum(pending.blocked)::bigint AS blocked
FROM (
    SELECT queue, analysis, count(*) AS waiting, min(available_at) AS since, 0 AS later, 0 AS blocked
    FROM analysis_sessions
    WHERE status = 'pending' AND ready = 1
    GROUP BY queue, analysis
    UNION ALL
    SELECT queue, analysis, count(*), min(available_at), 0, 0
    FROM analysis_sessions
    WHERE status = 'pending' AND ready = 2
    GROUP BY queue, analysis
    UNION ALL
    SELECT queue, analysis, count(*), min(available_at), 0, 0
    FROM analysis_sessions
    WHERE status = 'pending' AND ready = 3
    GROUP BY queue, analysis
    UNION ALL
    SELECT queue, analysis, count(*), min(available_at), 0, count(*)
    FROM analysis_sessions
    WHERE status = 'pending' AND ready = 4
    GROUP BY queue, analysis
    UNION ALL
    SELECT
        s.queue, s.analysis,
        count(*) FILTER (WHERE s.available_at <= now.at),
        min(s.available_at) FILTER (WHERE s.available_at <= now.at),
        count(*) FILTER (WHERE s.available_at > now.at), 0
    FROM analysis_sessions AS s CROSS JOIN now
    WHERE s.status = 'pending' AND s.ready = 0
    GROUP BY s.queue, s.analysis
) AS pending
GROUP BY pending.queue, pending.analysis
ORDER BY pending.queue, pending.analysis
