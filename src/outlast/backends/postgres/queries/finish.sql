-- All kinds of ends, each fenced; the rows are locked already. With a cancel request, `postponed` and `released` are final.
-- `OFFSET 0`: each row by its id, not by the index of processing sessions, which may be full of dead entries.
WITH now AS MATERIALIZED ({now}),
held AS MATERIALIZED (
    SELECT
        s.id, s.claim, s.attempt, s.worker_id, s.user_session, s.analysis, s.subject, s.reuse_key,
        u.ended, u.digest, u.steps, u.error, u.error_code, u.reference, u.delay, u.result, u.result_bytes,
        u.redirect_url, coalesce(u.worked_ms, {uncounted_ms}) AS worked_ms, u.last_step, u.exception,
        u.exception_message, u.traceback, u.asked, {host_of_worker} AS host,
        CASE
            WHEN u.ended IN ('completed', 'failed', 'cancelled') THEN u.ended
            WHEN s.cancel_requested_at IS NULL THEN 'pending'
            ELSE 'cancelled'
        END AS status
    FROM json_to_recordset(%(items)s::json) AS u (
        id text, claim bigint, ended text, digest text, steps text, error text, error_code text, reference text,
        delay double precision, result text, result_bytes bigint, redirect_url text, worked_ms bigint,
        last_step text, exception text, exception_message text, traceback text, asked text
    )
    CROSS JOIN LATERAL (SELECT * FROM analysis_sessions AS named WHERE named.id = u.id OFFSET 0) AS s
    CROSS JOIN now
    WHERE s.claim = u.claim AND s.status = 'processing'
),
recorded AS (
    INSERT INTO attempts (
        session_id, claim, attempt, worker_id, ended, ended_at, error, reference, error_code, last_step, host,
        duration_ms, exception, exception_message, traceback
    )
    SELECT
        held.id, held.claim, held.attempt, held.worker_id, held.ended, now.at, held.error, held.reference,
        held.error_code, held.last_step, held.host, held.worked_ms, held.exception, held.exception_message,
        held.traceback
    FROM held CROSS JOIN now
),
stored AS (
    INSERT INTO results (session_id, user_session, analysis, subject, redirect_url, completed_at, result, reuse_key)
    SELECT
        held.id, held.user_session, held.analysis, held.subject, held.redirect_url, now.at, held.result,
        held.reuse_key
    FROM held CROSS JOIN now WHERE held.ended = 'completed'
),
deleted AS (
    DELETE FROM step_results
    WHERE session_id = ANY(ARRAY(SELECT held.id FROM held WHERE held.ended = 'completed'))
),
progress AS (
    DELETE FROM session_progress WHERE session_id = ANY(ARRAY(SELECT held.id FROM held))
    RETURNING session_id, claim, version, progress_percentage, current_step, current_message, steps
)
UPDATE analysis_sessions AS s SET
    status = held.status,
    completed_at = CASE WHEN held.status <> 'pending' THEN greatest(now.at, s.created_at, s.started_at) END,
    worked_ms = s.worked_ms + held.worked_ms,
    timed_from = now.at,
    available_at = CASE held.ended
        WHEN 'released' THEN now.at
        WHEN 'postponed' THEN now.at + make_interval(secs => held.delay)
        ELSE s.available_at
    END,
    turn_at = CASE held.ended
        WHEN 'released' THEN turn_of(now.at, s.priority)
        WHEN 'postponed' THEN turn_of(now.at + make_interval(secs => held.delay), s.priority)
        ELSE s.turn_at
    END,
    ready = CASE WHEN held.delay > 0 THEN 0 ELSE ready_now(s.crashes, s.limits) END,
    attempt = s.attempt - (held.ended = 'released')::integer,
    progress_percentage = CASE
        WHEN held.ended = 'completed' THEN 100
        ELSE greatest(s.progress_percentage, progress.progress_percentage)
    END,
    current_step = coalesce(progress.current_step, s.current_step),
    current_message = CASE WHEN progress.claim IS NULL THEN s.current_message ELSE progress.current_message END,
    steps = coalesce(held.steps, progress.steps, s.steps),
    error = CASE held.ended WHEN 'cancelled' THEN s.error WHEN 'released' THEN NULL ELSE held.error END,
    error_code = CASE WHEN held.ended = 'cancelled' THEN s.error_code ELSE held.error_code END,
    reference = CASE WHEN held.ended = 'cancelled' THEN s.reference ELSE held.reference END,
    exception = CASE WHEN held.ended = 'cancelled' THEN s.exception ELSE coalesce(held.exception, '') END,
    redirect_url = CASE WHEN held.ended = 'completed' THEN held.redirect_url ELSE s.redirect_url END,
    result_bytes = CASE WHEN held.ended = 'completed' THEN held.result_bytes ELSE s.result_bytes END,
    asked = held.asked,
    {no_worker},
    end_digest = decode(held.digest, 'hex'),
    updated_at = now.at,
    version = greatest(coalesce(progress.version, s.version) + 1, now.ms)
FROM now CROSS JOIN held LEFT JOIN progress ON progress.session_id = held.id AND progress.claim = held.claim
WHERE s.id = held.id
RETURNING s.id, s.claim
