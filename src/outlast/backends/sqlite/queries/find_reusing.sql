-- The owner's session that made the result of :result_of, or that has reused it and still has its copy.
SELECT {session_columns} FROM analysis_sessions
WHERE
    user_session = :owner AND (id = :result_of OR result_of = (SELECT :result_of)) AND status = 'completed'
    AND EXISTS (SELECT 1 FROM results AS r WHERE r.session_id = analysis_sessions.id)
LIMIT 1
