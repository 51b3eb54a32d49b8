SELECT
    id, user_session AS owner, completed_at IS NOT NULL AS ended,
    coalesce(input, (SELECT l.input FROM large_inputs AS l WHERE l.session_id = analysis_sessions.id)) AS input
FROM analysis_sessions
WHERE id = :id AND (:owner IS NULL OR user_session = :owner)
