SELECT {session_columns} FROM {sessions}
WHERE s.user_session = %(owner)s AND (%(status)s::text IS NULL OR {shown_status} = %(status)s) AND {selected}
ORDER BY s.created_at DESC, s.number DESC
LIMIT %(limit)s
