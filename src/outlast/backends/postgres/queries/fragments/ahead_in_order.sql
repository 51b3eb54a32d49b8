-- What has an earlier turn than `me` among the analyses {1}, and {2} as `ready`.
SELECT FROM me CROSS JOIN {1} CROSS JOIN LATERAL (
    SELECT FROM analysis_sessions AS s
    WHERE
        s.queue = me.queue AND s.analysis = {1}.analysis AND (s.turn_at, s.number) < (me.turn_at, me.number)
        AND s.status = 'pending' AND s.ready = {2}
    LIMIT %(deepest)s
) AS earlier
