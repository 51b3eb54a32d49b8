UPDATE callbacks SET delivery_id = %(delivery_id)s
WHERE
    session_id = %(session_id)s AND url = %(url)s
    AND EXISTS (
        SELECT 1 FROM analysis_sessions AS s
        WHERE s.id = callbacks.session_id AND s.version = %(version)s AND s.completed_at IS NOT NULL
    )
