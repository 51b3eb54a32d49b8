-- A run that it shares or has shared is locked before it, as an end of the run locks them in this order.
WITH run AS MATERIALIZED (
    SELECT r.id FROM analysis_sessions AS r
    WHERE r.id = (SELECT s.run_id FROM analysis_sessions AS s WHERE s.id = %(id)s)
    FOR UPDATE
)
SELECT
    id, user_session AS owner, analysis, subject, status, reuse_key, run_id,
    cancel_requested_at IS NOT NULL AS cancel_requested,
    error_code = 'question' AS asks,
    ready = -1 AS follows,
    right(user_session, 10) = ' everybody' AS is_run
FROM analysis_sessions
WHERE id = %(id)s AND (%(owner)s::text IS NULL OR user_session = %(owner)s) AND (SELECT count(*) FROM run) >= 0
FOR UPDATE
