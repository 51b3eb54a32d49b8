SELECT {attempt_columns} FROM attempts
WHERE session_id = (SELECT :id)
ORDER BY claim
