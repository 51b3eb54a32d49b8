-- The next sessions with limits of each place, and the suspects among them.
WITH {claim_places}
SELECT next.id, next.limits, next.turn_at, next.number, next.crashes, next.waits_for
FROM places CROSS JOIN LATERAL (
    SELECT s.id, s.limits, s.turn_at, s.number, s.crashes, s.waits_for
    FROM analysis_sessions AS s
    WHERE
        s.queue = places.queue AND s.analysis = places.analysis AND s.status = 'pending' AND s.ready = 3
        AND (s.crashes = 0 OR %(most_crashes)s < 2) AND s.id <> ALL(%(excluded)s::text [])
    ORDER BY s.turn_at, s.number
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
) AS next
UNION ALL
SELECT s.id, s.limits, s.turn_at, s.number, s.crashes, s.waits_for
FROM places CROSS JOIN LATERAL (
    SELECT * FROM analysis_sessions AS suspect
    WHERE
        suspect.queue = places.queue AND suspect.analysis = places.analysis
        AND suspect.status = 'pending' AND suspect.ready = 2
    FOR UPDATE SKIP LOCKED
) AS s
WHERE s.limits IS NOT NULL AND %(most_crashes)s = 0 AND s.id <> ALL(%(excluded)s::text [])
