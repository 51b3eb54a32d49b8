UPDATE results SET share = coalesce(share, %(token)s)
WHERE session_id = %(id)s AND (%(owner)s::text IS NULL OR user_session = %(owner)s)
RETURNING share
