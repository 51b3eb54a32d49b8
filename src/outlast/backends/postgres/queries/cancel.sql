UPDATE analysis_sessions AS s SET
    status = CASE WHEN s.status = 'pending' THEN 'cancelled' ELSE s.status END,
    completed_at = CASE WHEN s.status = 'pending' THEN now.at END,
    cancel_requested_at = now.at,
    updated_at = now.at,
    version = greatest(s.version + 1, now.ms)
FROM ({now}) AS now
WHERE s.id = %(id)s
