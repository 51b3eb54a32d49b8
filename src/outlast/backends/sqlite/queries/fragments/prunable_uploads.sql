SELECT id FROM uploads
WHERE
    used_at < :before
    AND NOT EXISTS (
        SELECT 1 FROM analysis_sessions AS s
        WHERE
            s.user_session = uploads.user_session
            AND s.{in_flight} AND s.cancel_requested_at IS NULL
    )
    AND NOT EXISTS (
        SELECT 1 FROM analysis_sessions AS s
        WHERE
            s.user_session = uploads.user_session
            AND s.{in_flight} AND s.cancel_requested_at IS NOT NULL
    )
