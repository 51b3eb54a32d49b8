SELECT {attempt_columns} FROM attempts
WHERE session_id = %(id)s
ORDER BY claim
