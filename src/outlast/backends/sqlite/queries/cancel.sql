UPDATE analysis_sessions SET
    status = iif(status = 'pending', 'cancelled', status),
    completed_at = iif(status = 'pending', :now, NULL),
    cancel_requested_at = :now,
    updated_at = :now,
    version = max(version + 1, :ms)
WHERE
    id = :id AND (:owner IS NULL OR user_session = :owner)
    AND status IN ('pending', 'processing') AND cancel_requested_at IS NULL
RETURNING status
