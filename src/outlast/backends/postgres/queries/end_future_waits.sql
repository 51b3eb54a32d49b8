UPDATE analysis_sessions AS s SET
    {waits_again(now.at)},
    ready = ready_now(s.crashes, s.limits),
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
