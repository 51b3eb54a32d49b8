-- What the retry of a session that may have shared a run depends on.
SELECT
    user_session AS owner, analysis, subject, reuse_key, run_id, substr(user_session, -10) = ' everybody' AS is_run,
    error_code = 'question' AS asks
FROM analysis_sessions
WHERE id = :id AND (:owner IS NULL OR user_session = :owner) AND status IN ('failed', 'cancelled')
