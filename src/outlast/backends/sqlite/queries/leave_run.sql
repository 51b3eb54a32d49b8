-- Cancels a session that follows a run; what the run has done stays visible.
UPDATE analysis_sessions SET
    (
        queue, priority, available_at, started_at, attempt, max_attempts, crashes, lapses, progress_percentage,
        current_step, current_message, steps, version
    ) = (
        SELECT
            r.queue, r.priority, r.available_at, max(r.started_at, analysis_sessions.created_at), r.attempt,
            r.max_attempts, r.crashes, r.lapses,
            max(analysis_sessions.progress_percentage, r.progress_percentage), r.current_step, r.current_message, r.steps,
            max(analysis_sessions.version + 1, r.version + 1, :ms)
        FROM analysis_sessions AS r
        WHERE r.id = analysis_sessions.run_id
    ),
    status = 'cancelled',
    ready = 1,
    completed_at = max(:now, created_at),
    waited_ms = waited_ms + {uncounted_ms},
    timed_from = :monotonic,
    timed_boot = :boot_id,
    cancel_requested_at = :now,
    updated_at = :now
WHERE id = :id AND status = 'pending' AND ready = -1
RETURNING run_id
