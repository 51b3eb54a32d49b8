-- Sessions that were not offered since they became claimable, or too long ago, or by a clock that has gone back since.
WITH now AS MATERIALIZED ({now}),
never_offered AS MATERIALIZED (
    SELECT s.id FROM analysis_sessions AS s
    WHERE s.status = 'pending' AND s.ready > 0 AND s.ready <> 4 AND NOT {paused(s.queue, s.analysis)} AND s.offered_at IS NULL
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
),
offered_long_ago AS MATERIALIZED (
    SELECT s.id FROM analysis_sessions AS s
    WHERE
        s.status = 'pending' AND s.ready > 0 AND s.ready <> 4 AND NOT {paused(s.queue, s.analysis)}
        AND s.offered_at <= (SELECT now.at FROM now) - make_interval(secs => %(again_after)s)
    ORDER BY s.offered_at NULLS FIRST
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
),
offered_in_future AS MATERIALIZED (
    SELECT s.id FROM analysis_sessions AS s
    WHERE s.status = 'pending' AND s.ready > 0 AND s.ready <> 4 AND NOT {paused(s.queue, s.analysis)} AND s.offered_at > (SELECT now.at FROM now)
    ORDER BY s.offered_at NULLS FIRST
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
),
due AS (
    SELECT id FROM never_offered
    UNION ALL SELECT id FROM offered_long_ago
    UNION ALL SELECT id FROM offered_in_future
)
UPDATE analysis_sessions AS s SET offered_at = now.at
FROM now
WHERE s.id = ANY(ARRAY(SELECT due.id FROM due LIMIT %(limit)s))
RETURNING s.id AS session_id, s.queue, s.priority, s.analysis, s.turn_at, s.number
