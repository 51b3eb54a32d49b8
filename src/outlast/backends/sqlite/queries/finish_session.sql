-- All kinds of ends, fenced by the claim. With a cancel request, `postponed` and `released` are final.
UPDATE analysis_sessions SET
    status = CASE
        WHEN :ended IN ('completed', 'failed', 'cancelled') THEN :ended
        WHEN cancel_requested_at IS NULL THEN 'pending'
        ELSE 'cancelled'
    END,
    completed_at = iif(
        :ended IN ('postponed', 'released') AND cancel_requested_at IS NULL,
        NULL, max(:now, coalesce(started_at, created_at))
    ),
    worked_ms = worked_ms + {uncounted_ms},
    timed_from = :monotonic,
    timed_boot = :boot_id,
    available_at = CASE :ended WHEN 'released' THEN :now WHEN 'postponed' THEN :available_at ELSE available_at END,
    turn_at = CASE :ended
        WHEN 'released' THEN {turn_of(:now)} WHEN 'postponed' THEN {turn_of(:available_at)} ELSE turn_at
    END,
    ready = iif(:available_at > :now, 0, {ready_now(crashes)}),
    attempt = attempt - (:ended = 'released'),
    progress_percentage = iif(:ended = 'completed', 100, progress_percentage),
    steps = coalesce(:steps, steps),
    error = CASE :ended WHEN 'cancelled' THEN error WHEN 'released' THEN NULL ELSE :error END,
    error_code = iif(:ended = 'cancelled', error_code, :error_code),
    reference = iif(:ended = 'cancelled', reference, :reference),
    exception = iif(:ended = 'cancelled', exception, coalesce(:exception, '')),
    redirect_url = iif(:ended = 'completed', :redirect_url, redirect_url),
    result_bytes = iif(:ended = 'completed', :result_bytes, result_bytes),
    asked = :asked,
    {no_worker},
    end_digest = :digest,
    updated_at = :now,
    version = max(version + 1, :ms)
WHERE id = :id AND claim = :claim AND status = 'processing'
