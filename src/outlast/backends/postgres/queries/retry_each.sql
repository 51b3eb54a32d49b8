-- The rows are locked. Of several sessions with the same owner, analysis and subject, the last one is retried.
WITH retried AS MATERIALIZED (
    SELECT DISTINCT ON (f.user_session, f.analysis, f.subject) f.id, w.attempts
    FROM json_to_recordset(%(retries)s::json) AS w (id text, attempts integer)
    INNER JOIN analysis_sessions AS f ON f.id = w.id
    WHERE
        f.status IN ('failed', 'cancelled')
        AND NOT EXISTS (
            SELECT FROM analysis_sessions AS o
            WHERE
                o.user_session = f.user_session AND o.analysis = f.analysis AND o.subject = f.subject
                AND o.status IN ('pending', 'processing') AND o.cancel_requested_at IS NULL
        )
    ORDER BY f.user_session, f.analysis, f.subject, f.completed_at DESC
)
UPDATE analysis_sessions AS s SET
    status = 'pending',
    available_at = now.at,
    ready = 1,
    max_attempts = s.attempt + retried.attempts,
    {as_new},
    updated_at = now.at,
    version = greatest(s.version + 1, now.ms)
FROM ({now}) AS now CROSS JOIN retried
WHERE s.id = retried.id
RETURNING s.id
