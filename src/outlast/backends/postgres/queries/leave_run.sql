-- Cancels a session that follows a run, both of which are locked; what the run has done stays visible.
UPDATE analysis_sessions AS s SET
    status = 'cancelled',
    ready = 1,
    queue = r.queue,
    priority = r.priority,
    available_at = r.available_at,
    started_at = CASE WHEN r.started_at IS NOT NULL THEN greatest(r.started_at, s.created_at) END,
    completed_at = greatest(now.at, s.created_at),
    waited_ms = s.waited_ms + {uncounted_ms},
    timed_from = now.at,
    attempt = r.attempt,
    max_attempts = r.max_attempts,
    crashes = r.crashes,
    lapses = r.lapses,
    progress_percentage = greatest(s.progress_percentage, r.progress_percentage, p.progress_percentage),
    current_step = coalesce(p.current_step, r.current_step),
    current_message = CASE WHEN p.claim IS NULL THEN r.current_message ELSE p.current_message END,
    steps = coalesce(p.steps, r.steps),
    cancel_requested_at = now.at,
    updated_at = now.at,
    version = greatest(s.version + 1, r.version + 1, p.version + 1, now.ms)
FROM ({now}) AS now
CROSS JOIN analysis_sessions AS r LEFT JOIN session_progress AS p ON p.session_id = r.id AND p.claim = r.claim
WHERE s.id = %(id)s AND s.status = 'pending' AND s.ready = -1 AND r.id = s.run_id
RETURNING s.id
