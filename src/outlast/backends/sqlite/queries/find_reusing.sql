-- The owner's session that made the result of :result_of, or that has reused it.
SELECT {session_columns} FROM analysis_sessions
WHERE user_session = :owner AND (id = :result_of OR result_of = :result_of) AND status = 'completed'
LIMIT 1
