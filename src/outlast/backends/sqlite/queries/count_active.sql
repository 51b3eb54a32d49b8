SELECT
    (
        SELECT count(*) FROM analysis_sessions
        WHERE user_session = :owner AND {in_flight} AND cancel_requested_at IS NULL
    ) + (
        SELECT count(*) FROM analysis_sessions
        WHERE user_session = :owner AND {in_flight} AND cancel_requested_at IS NOT NULL
    )
