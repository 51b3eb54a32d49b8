-- The owner's session that made the result of `result_of`, or that has reused it and still has its copy. Each branch goes
-- by its index, however many sessions the owner has.
SELECT {session_columns} FROM {sessions}
WHERE
    s.id = ANY(ARRAY(
        SELECT made.id FROM analysis_sessions AS made
        WHERE made.id = %(result_of)s AND made.user_session = %(owner)s AND made.status = 'completed'
        UNION ALL
        SELECT reusing.id FROM analysis_sessions AS reusing
        WHERE reusing.user_session = %(owner)s AND reusing.result_of = %(result_of)s
    ))
    AND EXISTS (SELECT FROM results AS r WHERE r.session_id = s.id)
LIMIT 1
