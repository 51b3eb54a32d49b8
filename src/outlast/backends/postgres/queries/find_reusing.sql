-- The owner's session that made the result of `result_of`, or that has reused it and still has its copy.
SELECT {session_columns} FROM {sessions}
WHERE
    s.user_session = %(owner)s AND (s.id = %(result_of)s OR s.result_of = %(result_of)s)
    AND s.status = 'completed'
    AND EXISTS (SELECT FROM results AS r WHERE r.session_id = s.id)
LIMIT 1
