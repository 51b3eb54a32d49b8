UPDATE analysis_sessions AS s SET
    status = CASE WHEN s.status = 'pending' THEN 'cancelled' ELSE s.status END,
    completed_at = CASE WHEN s.status = 'pending' THEN greatest(now.at, s.created_at, s.started_at) END,
    waited_ms = s.waited_ms + CASE WHEN s.status = 'pending' THEN {uncounted_ms} ELSE 0 END,
    timed_from = CASE WHEN s.status = 'pending' THEN now.at ELSE s.timed_from END,
    cancel_requested_at = now.at,
    updated_at = now.at,
    version = greatest(s.version + 1, now.ms)
FROM ({now}) AS now
WHERE s.id = %(id)s
