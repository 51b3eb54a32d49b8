-- The owner's session that made the result of :result_of, or that has reused it and still has its copy. Each branch goes
-- by its index, however many sessions the owner has.
SELECT {session_columns} FROM analysis_sessions
WHERE
    rowid IN (
        SELECT s.rowid FROM analysis_sessions AS s
        WHERE s.id = (SELECT :result_of) AND +s.user_session = (SELECT :owner) AND +s.status = 'completed'
        UNION ALL
        SELECT s.rowid FROM analysis_sessions AS s INDEXED BY sessions_by_result
        WHERE s.user_session = (SELECT :owner) AND s.result_of = (SELECT :result_of)
    )
    AND EXISTS (SELECT 1 FROM results AS r WHERE r.session_id = analysis_sessions.id)
LIMIT 1
