-- Ranges of turns, and what was started since the last claim: behind the other sessions of its owner, its turn may be in
-- none of the ranges.
ranges AS MATERIALIZED (
    SELECT r.queue, r.analysis, r.begins, r.ends
    FROM unnest(
        %(range_queues)s::text [], %(range_analyses)s::text [], %(begins)s::timestamptz [], %(ends)s::timestamptz []
    ) AS r (queue, analysis, begins, ends)
    WHERE EXISTS (SELECT FROM places)
),
new_ones AS MATERIALIZED (
    SELECT s.id, s.queue, s.analysis, s.turn_at, s.number, s.ready, s.crashes FROM analysis_sessions AS s
    WHERE
        s.status = 'pending'
        AND s.created_at > (SELECT clock_timestamp()) - make_interval(secs => %(since_last_claim)s)
    LIMIT 5000
),
started AS MATERIALIZED (
    SELECT s.id, s.turn_at, s.number, s.crashes FROM analysis_sessions AS s
    WHERE
        s.id = ANY(ARRAY(
            SELECT n.id FROM new_ones AS n INNER JOIN places ON places.queue = n.queue AND places.analysis = n.analysis
            WHERE n.ready = 1 AND (n.crashes = 0 OR %(most_crashes)s < 2) AND n.id <> ALL(%(excluded)s::text [])
            ORDER BY n.turn_at, n.number
            LIMIT %(limit)s
        ))
        AND s.status IS NOT DISTINCT FROM 'pending'
    FOR UPDATE SKIP LOCKED
),
{claim_ordinary(ranges, s.turn_at >= ranges.begins AND s.turn_at < ranges.ends)}
