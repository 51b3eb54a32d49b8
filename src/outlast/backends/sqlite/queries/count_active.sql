SELECT
    (
        SELECT count(*) FROM analysis_sessions
        WHERE user_session = :owner AND status IN ('pending', 'processing') AND cancel_requested_at IS NULL
    ) + (
        SELECT count(*) FROM analysis_sessions
        WHERE user_session = :owner AND status IN ('pending', 'processing') AND cancel_requested_at IS NOT NULL
    )
