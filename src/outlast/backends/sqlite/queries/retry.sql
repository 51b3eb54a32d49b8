-- OR IGNORE: nothing changes if the unique index has another session in flight.
UPDATE OR IGNORE analysis_sessions SET
    status = 'pending',
    available_at = :now,
    ready = 1,
    max_attempts = attempt + :attempts,
    crashes = 0,
    lapses = 0,
    error = NULL,
    error_code = NULL,
    reference = NULL,
    completed_at = NULL,
    cancel_requested_at = NULL,
    end_digest = NULL,
    offered_at = NULL,
    updated_at = :now,
    version = max(version + 1, :ms)
WHERE
    id = :id AND (:owner IS NULL OR user_session = :owner)
    AND status IN ('failed', 'cancelled')
RETURNING id
