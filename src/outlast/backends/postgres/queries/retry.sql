UPDATE analysis_sessions AS s SET
    status = 'pending',
    available_at = now.at,
    ready = 1,
    offered_at = NULL,
    max_attempts = s.attempt + %(attempts)s,
    crashes = 0,
    lapses = 0,
    error = NULL,
    error_code = NULL,
    reference = NULL,
    completed_at = NULL,
    cancel_requested_at = NULL,
    end_digest = NULL,
    updated_at = now.at,
    version = greatest(s.version + 1, now.ms)
FROM ({now}) AS now
WHERE s.id = %(id)s
