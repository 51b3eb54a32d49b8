-- Walks no more than so many entries of the claim indexes: what goes before it in each analysis of its queue.
-- Of suspects the one that came last goes first, as in `claim`.
WITH RECURSIVE
now AS MATERIALIZED ({now}),
me AS MATERIALIZED (
    SELECT s.number, s.queue, s.priority, s.available_at, s.crashes >= 2 AS suspect FROM analysis_sessions AS s, now
    WHERE s.id = %(id)s AND s.status = 'pending' AND (s.ready > 0 OR s.available_at <= now.at)
),
names (analysis) AS (
    (
        SELECT s.analysis FROM analysis_sessions AS s
        WHERE s.queue = (SELECT me.queue FROM me) AND s.status = 'pending' AND s.ready = 1
        ORDER BY s.analysis LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT s.analysis FROM analysis_sessions AS s
        WHERE
            s.queue = (SELECT me.queue FROM me) AND s.analysis > names.analysis
            AND s.status = 'pending' AND s.ready = 1
        ORDER BY s.analysis LIMIT 1
    )
    FROM names WHERE names.analysis IS NOT NULL
),
ahead AS (
    SELECT FROM me CROSS JOIN names CROSS JOIN LATERAL (
        SELECT FROM analysis_sessions AS s
        WHERE
            s.queue = me.queue AND s.analysis = names.analysis AND s.priority > me.priority
            AND s.status = 'pending' AND s.ready = 1
        LIMIT %(deepest)s
    ) AS more_urgent
    UNION ALL
    SELECT FROM me CROSS JOIN names CROSS JOIN LATERAL (
        SELECT FROM analysis_sessions AS s
        WHERE
            s.queue = me.queue AND s.analysis = names.analysis AND s.priority = me.priority
            AND (s.available_at, s.number) < (me.available_at, me.number)
            AND s.status = 'pending' AND s.ready = 1
        LIMIT %(deepest)s
    ) AS earlier
    UNION ALL
    SELECT FROM me CROSS JOIN LATERAL (
        SELECT FROM analysis_sessions AS s
        WHERE
            s.queue = me.queue AND s.status = 'pending' AND s.ready = 2
            AND CASE
                WHEN me.suspect THEN s.number > me.number
                ELSE
                    s.priority > me.priority
                    OR (s.priority = me.priority AND (s.available_at, s.number) < (me.available_at, me.number))
            END
        LIMIT %(deepest)s
    ) AS suspect
    UNION ALL
    SELECT FROM me CROSS JOIN now CROSS JOIN LATERAL (
        SELECT FROM analysis_sessions AS s
        WHERE
            s.status = 'pending' AND s.ready = 0 AND s.available_at <= now.at AND s.queue = me.queue
            AND CASE
                WHEN me.suspect AND s.crashes >= 2 THEN s.number > me.number
                ELSE
                    s.priority > me.priority
                    OR (s.priority = me.priority AND (s.available_at, s.number) < (me.available_at, me.number))
            END
        LIMIT %(deepest)s
    ) AS due
)
SELECT 1 + (SELECT count(*) FROM (SELECT FROM ahead LIMIT %(deepest)s) AS counted) AS position FROM me
