SELECT {session_columns} FROM {sessions}
WHERE s.id = ANY(%(ids)s)
