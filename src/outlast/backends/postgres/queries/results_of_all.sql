SELECT user_session, session_id, analysis, subject, result, redirect_url, completed_at, share FROM results
WHERE session_id = ANY(%(ids)s)
ORDER BY session_id
