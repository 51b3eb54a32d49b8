-- Walks no more than :deepest entries of the claim indexes: what goes before it in each analysis of its queue. Of
-- suspects the one that came last goes first, as in `next_claimable`.
WITH RECURSIVE
me AS MATERIALIZED (
    SELECT rowid AS number, queue, priority, available_at, crashes >= 2 AS suspect FROM analysis_sessions
    WHERE id = :id AND status = 'pending' AND (ready > 0 OR available_at <= :now)
),
names (analysis) AS (
    SELECT (
        SELECT s.analysis FROM analysis_sessions AS s INDEXED BY sessions_claimable
        WHERE s.queue = (SELECT me.queue FROM me) AND s.status = 'pending' AND s.ready = 1
        ORDER BY s.analysis LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT s.analysis FROM analysis_sessions AS s INDEXED BY sessions_claimable
        WHERE
            s.queue = (SELECT me.queue FROM me) AND s.analysis > names.analysis
            AND s.status = 'pending' AND s.ready = 1
        ORDER BY s.analysis LIMIT 1
    )
    FROM names WHERE names.analysis IS NOT NULL
),
suspect_names (analysis) AS (
    SELECT (
        SELECT s.analysis FROM analysis_sessions AS s INDEXED BY sessions_suspect
        WHERE s.queue = (SELECT me.queue FROM me) AND s.status = 'pending' AND s.ready = 2
        ORDER BY s.analysis LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT s.analysis FROM analysis_sessions AS s INDEXED BY sessions_suspect
        WHERE
            s.queue = (SELECT me.queue FROM me) AND s.analysis > suspect_names.analysis
            AND s.status = 'pending' AND s.ready = 2
        ORDER BY s.analysis LIMIT 1
    )
    FROM suspect_names WHERE suspect_names.analysis IS NOT NULL
),
before (found) AS (
    SELECT 1 FROM me CROSS JOIN names CROSS JOIN analysis_sessions AS s INDEXED BY sessions_claimable
    WHERE
        s.queue = me.queue AND s.analysis = names.analysis AND s.priority > me.priority
        AND s.status = 'pending' AND s.ready = 1
    UNION ALL
    SELECT 1 FROM me CROSS JOIN names CROSS JOIN analysis_sessions AS s INDEXED BY sessions_claimable
    WHERE
        s.queue = me.queue AND s.analysis = names.analysis AND s.priority = me.priority
        AND s.available_at <= me.available_at
        AND (s.available_at < me.available_at OR s.rowid < me.number)
        AND s.status = 'pending' AND s.ready = 1
    UNION ALL
    SELECT 1 FROM me CROSS JOIN suspect_names CROSS JOIN analysis_sessions AS s INDEXED BY sessions_suspect
    WHERE
        NOT me.suspect AND s.queue = me.queue AND s.analysis = suspect_names.analysis AND s.priority > me.priority
        AND s.status = 'pending' AND s.ready = 2
    UNION ALL
    SELECT 1 FROM me CROSS JOIN suspect_names CROSS JOIN analysis_sessions AS s INDEXED BY sessions_suspect
    WHERE
        NOT me.suspect AND s.queue = me.queue AND s.analysis = suspect_names.analysis AND s.priority = me.priority
        AND s.available_at <= me.available_at
        AND (s.available_at < me.available_at OR s.rowid < me.number)
        AND s.status = 'pending' AND s.ready = 2
    UNION ALL
    SELECT 1 FROM me CROSS JOIN suspect_names CROSS JOIN analysis_sessions AS s INDEXED BY sessions_suspect
    WHERE
        me.suspect AND s.queue = me.queue AND s.analysis = suspect_names.analysis AND s.rowid > me.number
        AND s.status = 'pending' AND s.ready = 2
    UNION ALL
    SELECT 1 FROM me CROSS JOIN analysis_sessions AS s INDEXED BY sessions_postponed
    WHERE
        s.status = 'pending' AND s.ready = 0 AND s.available_at <= :now AND s.queue = me.queue
        AND CASE
            WHEN me.suspect AND s.crashes >= 2 THEN s.rowid > me.number
            ELSE
                s.priority > me.priority
                OR (
                    s.priority = me.priority
                    AND (
                        s.available_at < me.available_at
                        OR (s.available_at = me.available_at AND s.rowid < me.number)
                    )
                )
        END
)
SELECT 1 + (SELECT count(*) FROM (SELECT 1 FROM before LIMIT :deepest + 0)) FROM me
