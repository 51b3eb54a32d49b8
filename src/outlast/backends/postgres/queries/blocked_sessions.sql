-- What waits for these keys, the first of each. None is skipped: it might wait for ever.
SELECT next.id, next.limits, next.turn_at, next.number, next.crashes, next.waits_for
FROM unnest(%(keys)s::text []) AS k (key) CROSS JOIN LATERAL (
    SELECT s.id, s.limits, s.turn_at, s.number, s.crashes, s.waits_for
    FROM analysis_sessions AS s
    WHERE s.waits_for = k.key AND s.status = 'pending' AND s.ready = 4
    ORDER BY s.turn_at, s.number
    LIMIT %(limit)s
    FOR UPDATE
) AS next
