-- Walks no more than so many entries of the claim indexes: what goes before it in each analysis of its queue. Of suspects
-- the one that came last goes first, as in `claim`; what waits because of a limit of its own is not counted.
WITH RECURSIVE
now AS MATERIALIZED ({now}),
me AS MATERIALIZED (
    SELECT s.number, s.queue, s.turn_at, s.crashes >= 2 AS suspect FROM analysis_sessions AS s, now
    WHERE s.id = %(id)s AND s.status = 'pending' AND (s.ready > 0 OR s.available_at <= now.at)
),
{ready_analyses(names, 1)},
{ready_analyses(limited_names, 3)},
ahead AS (
    {ahead_in_order(names, 1)}
    UNION ALL
    {ahead_in_order(limited_names, 3)}
    UNION ALL
    SELECT FROM me CROSS JOIN LATERAL (
        SELECT FROM analysis_sessions AS s
        WHERE
            s.queue = me.queue AND s.status = 'pending' AND s.ready = 2
            AND CASE
                WHEN me.suspect THEN s.number > me.number
                ELSE (s.turn_at, s.number) < (me.turn_at, me.number)
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
                ELSE (s.turn_at, s.number) < (me.turn_at, me.number)
            END
        LIMIT %(deepest)s
    ) AS due
)
SELECT 1 + (SELECT count(*) FROM (SELECT FROM ahead LIMIT %(deepest)s) AS counted) AS position FROM me
