SELECT {session_columns} FROM {sessions}
WHERE s.id = %(id)s AND (%(owner)s::text IS NULL OR s.user_session = %(owner)s)
