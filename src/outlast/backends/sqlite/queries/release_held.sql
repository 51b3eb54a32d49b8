UPDATE analysis_sessions SET
    status = iif(cancel_requested_at IS NULL, 'pending', 'cancelled'),
    completed_at = iif(cancel_requested_at IS NULL, NULL, max(:now, coalesce(started_at, created_at))),
    worked_ms = worked_ms + {uncounted_ms},
    timed_from = :monotonic,
    timed_boot = :boot_id,
    {waits_again(:now)},
    ready = {ready_now(crashes)},
    attempt = attempt - 1,
    {no_error},
    {no_worker},
    updated_at = :now,
    version = max(version + 1, :ms)
WHERE status = 'processing' AND worker_id = :worker_id
RETURNING id
