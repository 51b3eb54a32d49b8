SELECT {attempt_columns} FROM attempts
WHERE session_id = coalesce((SELECT s.run_id FROM analysis_sessions AS s WHERE s.id = %(id)s), %(id)s)
ORDER BY claim
