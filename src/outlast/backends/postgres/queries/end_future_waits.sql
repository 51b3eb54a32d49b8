UPDATE analysis_sessions AS s SET
    available_at = now.at,
    ready = CASE WHEN s.crashes >= 2 THEN 2 ELSE 1 END,
    offered_at = NULL,
    updated_at = now.at,
    version = greatest(s.version + 1, now.ms)
FROM ({now}) AS now
WHERE s.id = ANY(ARRAY(
    SELECT id FROM analysis_sessions
    WHERE
        status = 'pending' AND ready = 0
        AND updated_at > (SELECT clock_timestamp()) + make_interval(secs => %(margin)s)
    FOR UPDATE SKIP LOCKED
))
RETURNING s.id
