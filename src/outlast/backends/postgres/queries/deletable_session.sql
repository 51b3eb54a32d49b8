SELECT id, user_session AS owner, completed_at IS NOT NULL AS ended, input FROM analysis_sessions
WHERE id = %(id)s AND (%(owner)s::text IS NULL OR user_session = %(owner)s)
FOR UPDATE
