UPDATE analysis_sessions AS s SET
    status = CASE WHEN s.cancel_requested_at IS NULL THEN 'pending' ELSE 'cancelled' END,
    completed_at = CASE
        WHEN s.cancel_requested_at IS NOT NULL THEN greatest(now.at, s.created_at, s.started_at)
    END,
    worked_ms = s.worked_ms + {uncounted_ms},
    timed_from = now.at,
    available_at = now.at,
    ready = CASE WHEN s.crashes >= 2 THEN 2 ELSE 1 END,
    attempt = s.attempt - 1,
    {no_error},
    {no_worker},
    updated_at = now.at,
    version = greatest(s.version + 1, now.ms)
FROM ({now}) AS now
WHERE s.status = 'processing' AND s.worker_id = %(worker_id)s
