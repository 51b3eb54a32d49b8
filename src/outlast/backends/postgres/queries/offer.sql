-- What nobody was told of since it waits; then what was told too long ago, or by a clock that has gone back since.
WITH now AS MATERIALIZED ({now}),
untold AS MATERIALIZED (
    SELECT s.id FROM analysis_sessions AS s
    WHERE s.status = 'pending' AND s.ready > 0 AND s.offered_at IS NULL
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
),
told_long_ago AS MATERIALIZED (
    SELECT s.id FROM analysis_sessions AS s
    WHERE
        s.status = 'pending' AND s.ready > 0
        AND s.offered_at <= (SELECT now.at FROM now) - make_interval(secs => %(again_after)s)
    ORDER BY s.offered_at NULLS FIRST
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
),
told_in_the_future AS MATERIALIZED (
    SELECT s.id FROM analysis_sessions AS s
    WHERE s.status = 'pending' AND s.ready > 0 AND s.offered_at > (SELECT now.at FROM now)
    ORDER BY s.offered_at NULLS FIRST
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
),
due AS (
    SELECT id FROM untold
    UNION ALL SELECT id FROM told_long_ago
    UNION ALL SELECT id FROM told_in_the_future
)
UPDATE analysis_sessions AS s SET offered_at = now.at
FROM now
WHERE s.id = ANY(ARRAY(SELECT due.id FROM due LIMIT %(limit)s))
RETURNING s.id AS session_id, s.queue, s.priority, s.analysis, s.available_at, s.number
