UPDATE callbacks SET delivery_id = :delivery_id
WHERE
    session_id = :session_id AND url = :url
    AND EXISTS (
        SELECT 1 FROM analysis_sessions AS s
        WHERE s.id = callbacks.session_id AND s.version = :version AND s.completed_at IS NOT NULL
    )
