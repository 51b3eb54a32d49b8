SELECT session_id, analysis, subject, result, redirect_url, completed_at FROM results
WHERE session_id = %(id)s AND (%(owner)s::text IS NULL OR user_session = %(owner)s)
