INSERT OR REPLACE INTO results (
    session_id, user_session, analysis, subject, redirect_url, completed_at, bytes, result, share
)
VALUES (:id, :owner, :analysis, :subject, :redirect_url, :completed_at, :bytes, :result, :share)
