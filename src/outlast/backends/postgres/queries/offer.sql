WITH now AS MATERIALIZED ({now}),
due AS MATERIALIZED (
    SELECT s.id FROM analysis_sessions AS s
    WHERE
        s.status = 'pending' AND s.ready > 0
        AND (s.offered_at IS NULL OR s.offered_at <= (SELECT now.at FROM now) - make_interval(secs => %(again_after)s))
    ORDER BY s.offered_at NULLS FIRST
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE analysis_sessions AS s SET offered_at = now.at
FROM now
WHERE s.id = ANY(ARRAY(SELECT due.id FROM due))
RETURNING s.id, s.queue, s.priority, s.available_at, s.number
