DELETE FROM analysis_sessions
WHERE
    user_session = :owner AND analysis = :analysis AND subject = :subject
    AND status IN ('pending', 'processing') AND cancel_requested_at IS NULL
