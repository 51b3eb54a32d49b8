DELETE FROM analysis_sessions
WHERE
    user_session = :owner AND analysis = :analysis AND subject = :subject
    AND {in_flight} AND cancel_requested_at IS NULL
