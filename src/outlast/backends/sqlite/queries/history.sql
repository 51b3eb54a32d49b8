SELECT {attempt_columns} FROM attempts
WHERE session_id = coalesce((SELECT run_id FROM analysis_sessions WHERE id = :id), :id)
ORDER BY claim
