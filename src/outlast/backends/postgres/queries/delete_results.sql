DELETE FROM results WHERE session_id = ANY(%(ids)s) AND (%(owner)s::text IS NULL OR user_session = %(owner)s)
RETURNING session_id AS id
