INSERT INTO results (
    session_id, user_session, analysis, subject, redirect_url, completed_at, bytes, result, reuse_key
)
SELECT id, user_session, analysis, subject, :redirect_url, :now, :result_bytes, :result, reuse_key
FROM analysis_sessions
WHERE id = :id
