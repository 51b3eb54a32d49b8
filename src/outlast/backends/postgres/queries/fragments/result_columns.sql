session_id, analysis, subject, result, redirect_url, completed_at, share
