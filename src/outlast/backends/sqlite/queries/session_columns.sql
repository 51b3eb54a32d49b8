id, analysis, subject, user_session,
coalesce(input, (SELECT l.input FROM large_inputs AS l WHERE l.session_id = analysis_sessions.id)),
queue, priority, status, version, claim, worker_id, attempt, max_attempts, crashes, timeout,
progress_percentage, current_step, current_message, steps,
created_at, updated_at, available_at, started_at, completed_at, cancel_requested_at,
error, error_code, reference, redirect_url, result_bytes, lapses,
waited_ms, worked_ms, timed_from, timed_boot
