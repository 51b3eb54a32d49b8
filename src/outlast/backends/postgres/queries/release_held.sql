UPDATE analysis_sessions AS s SET
    status = CASE WHEN s.cancel_requested_at IS NULL THEN 'pending' ELSE 'cancelled' END,
    completed_at = CASE
        WHEN s.cancel_requested_at IS NOT NULL THEN greatest(now.at, s.created_at, s.started_at)
    END,
    worked_ms = s.worked_ms + {uncounted_ms},
    timed_from = now.at,
    {waits_again(now.at)},
    ready = ready_now(s.crashes, s.limits),
    attempt = s.attempt - 1,
    {no_error},
    {no_worker},
    updated_at = now.at,
    version = greatest(s.version + 1, now.ms)
FROM ({now}) AS now
WHERE s.status = 'processing' AND s.worker_id = %(worker_id)s
