INSERT INTO analysis_sessions (
    id, analysis, subject, user_session, input, queue, priority, status, version, claim, worker_id,
    attempt, max_attempts, crashes, timeout, progress_percentage, current_step, current_message, steps,
    created_at, updated_at, available_at, started_at, completed_at, cancel_requested_at,
    error, error_code, reference, redirect_url, result_bytes, lapses, waited_ms, worked_ms, timed_from, timed_boot, ready
)
VALUES (
    :id, :analysis, :subject, :owner, :input, :queue, :priority, :status, :version, :claim, :worker_id,
    :attempt, :max_attempts, :crashes, :timeout, :percentage, :current_step, :message, :steps,
    :created_at, :updated_at, :available_at, :started_at, :completed_at, :cancel_requested_at,
    :error, :error_code, :reference, :redirect_url, :result_bytes, :lapses, :waited_ms, :worked_ms, :monotonic, :boot_id,
    iif(:available_at > :now, 0, iif(:crashes >= 2, 2, 1))
)
