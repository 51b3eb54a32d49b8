-- Nobody reuses a copy, so it has neither key nor link. No row: a copy of the store has locked the starts, or the result
-- is gone.
WITH now AS MATERIALIZED ({now}),
made AS MATERIALIZED (
    SELECT * FROM results
    WHERE
        session_id = %(result_of)s
        AND (SELECT pg_try_advisory_xact_lock_shared(7308, 'analysis_sessions'::regclass::oid::integer))
),
stored AS (
    INSERT INTO results (session_id, user_session, analysis, subject, redirect_url, completed_at, result)
    SELECT %(id)s, %(owner)s, made.analysis, made.subject, made.redirect_url, now.at, made.result
    FROM made CROSS JOIN now
)
INSERT INTO analysis_sessions (
    id, user_session, analysis, subject, input, queue, priority, steps, total_steps, max_attempts, timeout, limits,
    traceparent, reuse_key, status, progress_percentage, redirect_url, result_bytes, result_of, result_at,
    created_at, updated_at, available_at, completed_at, version, timed_from, turn_at
)
SELECT
    %(id)s, %(owner)s, %(analysis)s, %(subject)s, %(input)s, %(queue)s, %(priority)s, %(steps)s, %(total_steps)s,
    %(max_attempts)s, %(timeout)s, %(limits)s, %(traceparent)s, %(reuse_key)s, 'completed', 100, made.redirect_url,
    octet_length(made.result), made.session_id, made.completed_at, now.at, now.at, now.at, now.at, now.ms, now.at,
    now.at
FROM made CROSS JOIN now
RETURNING id
