-- Walks no more than :deepest entries of the claim indexes: what goes before it in each analysis of its queue. Of
-- suspects the one that came last goes first, as in `next_claimable`; what waits because of a limit is not counted.
WITH RECURSIVE
me AS MATERIALIZED (
    SELECT rowid AS number, queue, turn_at, available_at, crashes >= 2 AS suspect FROM analysis_sessions
    WHERE id = :id AND status = 'pending' AND (ready > 0 OR available_at <= :now)
),
{ready_analyses(names, sessions_claimable, 1)},
{ready_analyses(limited_names, sessions_limited, 3)},
{ready_analyses(suspect_names, sessions_suspect, 2)},
before (found) AS (
    {ahead_in_order(names, sessions_claimable, 1)}
    UNION ALL
    {ahead_in_order(limited_names, sessions_limited, 3)}
    UNION ALL
    {ahead_in_order(suspect_names, sessions_suspect, 2)}
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
            ELSE (s.turn_at, s.available_at, s.rowid) < (me.turn_at, me.available_at, me.number)
        END
)
SELECT 1 + (SELECT count(*) FROM (SELECT 1 FROM before LIMIT :deepest + 0)) FROM me
