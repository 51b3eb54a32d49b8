SELECT id FROM uploads AS u
WHERE
    u.used_at < %(before)s
    AND NOT EXISTS (
        SELECT FROM analysis_sessions AS s
        WHERE
            s.user_session = u.user_session
            AND session_in_flight(s.status) AND s.cancel_requested_at IS NULL
    )
    AND NOT EXISTS (
        SELECT FROM analysis_sessions AS s
        WHERE
            s.user_session = u.user_session
            AND session_in_flight(s.status) AND s.cancel_requested_at IS NOT NULL
    )
