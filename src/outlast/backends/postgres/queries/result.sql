SELECT {result_columns} FROM results
WHERE session_id = %(id)s AND (%(owner)s::text IS NULL OR user_session = %(owner)s)
