s.id, s.analysis, s.subject, s.user_session, s.input, s.queue, s.priority, s.status, s.version, s.claim,
s.worker_id, s.attempt, s.max_attempts, s.crashes, s.timeout, s.progress_percentage, s.current_step,
s.current_message, s.steps, s.created_at, s.updated_at, s.available_at, s.started_at, s.completed_at,
s.cancel_requested_at, s.error, s.error_code, s.reference, s.redirect_url, s.result_bytes, s.lapses,
s.waited_ms, s.worked_ms,
CASE
    WHEN s.completed_at IS NULL
        THEN extract(EPOCH FROM clock_timestamp() - coalesce(s.timed_from, s.created_at)) * 1000
    WHEN s.timed_from IS NOT NULL THEN 0
END::double precision, NULL
