-- Counts in the index of failures alone; the example is the last one of each reason.
WITH reasons AS MATERIALIZED (
    SELECT
        analysis, error_code AS code, exception, count(*) AS sessions, min(completed_at) AS first_at,
        max(completed_at) AS last_at
    FROM analysis_sessions INDEXED BY sessions_failed
    WHERE status = 'failed' AND {chosen}
    GROUP BY analysis, error_code, exception
)
SELECT
    analysis, code, exception, sessions, first_at, last_at,
    (
        SELECT s.id FROM analysis_sessions AS s INDEXED BY sessions_failed
        WHERE
            s.status = 'failed' AND s.analysis = reasons.analysis AND s.error_code = reasons.code
            AND s.exception = reasons.exception AND s.completed_at = reasons.last_at
            AND (:queue IS NULL OR s.queue = :queue)
        LIMIT 1
    ) AS example
FROM reasons
ORDER BY sessions DESC, last_at DESC
