INSERT INTO results (session_id, user_session, analysis, subject, redirect_url, completed_at, bytes, result)
SELECT id, user_session, analysis, subject, :redirect_url, :now, :result_bytes, :result FROM analysis_sessions
WHERE id = :id
