UPDATE analysis_sessions SET
    status = iif(status = 'pending', 'cancelled', status),
    completed_at = iif(status = 'pending', max(:now, coalesce(started_at, created_at)), NULL),
    waited_ms = waited_ms + iif(status = 'pending', {uncounted_ms}, 0),
    timed_from = iif(status = 'pending', :monotonic, timed_from),
    timed_boot = iif(status = 'pending', :boot_id, timed_boot),
    cancel_requested_at = :now,
    updated_at = :now,
    version = max(version + 1, :ms)
WHERE
    id = :id AND (:owner IS NULL OR user_session = :owner)
    AND {in_flight} AND cancel_requested_at IS NULL AND ready >= 0
RETURNING status
