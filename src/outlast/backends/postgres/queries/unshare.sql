UPDATE results SET share = NULL, share_expires_at = NULL
WHERE session_id = %(id)s AND (%(owner)s::text IS NULL OR user_session = %(owner)s)
RETURNING 1
