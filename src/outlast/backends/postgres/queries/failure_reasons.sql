-- Counts in the index of failures alone; the example is the last one of each reason.
WITH reasons AS MATERIALIZED (
    SELECT
        s.analysis, s.error_code AS code, s.exception, count(*) AS sessions, min(s.completed_at) AS first_at,
        max(s.completed_at) AS last_at
    FROM analysis_sessions AS s
    WHERE s.status = 'failed' AND {chosen}
    GROUP BY s.analysis, s.error_code, s.exception
)
SELECT
    reasons.analysis, reasons.code, reasons.exception, reasons.sessions, reasons.first_at, reasons.last_at,
    (
        SELECT s.id FROM analysis_sessions AS s
        WHERE
            s.status = 'failed' AND s.analysis = reasons.analysis AND s.error_code = reasons.code
            AND s.exception = reasons.exception AND s.completed_at = reasons.last_at
            AND (%(queue)s::text IS NULL OR s.queue = %(queue)s)
        LIMIT 1
    ) AS example
FROM reasons
ORDER BY reasons.sessions DESC, reasons.last_at DESC
