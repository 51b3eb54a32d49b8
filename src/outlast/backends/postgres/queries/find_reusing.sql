-- The owner's session that made the result of `result_of`, or that has reused it.
SELECT {session_columns} FROM {sessions}
WHERE
    s.user_session = %(owner)s AND (s.id = %(result_of)s OR s.result_of = %(result_of)s)
    AND s.status = 'completed'
LIMIT 1
