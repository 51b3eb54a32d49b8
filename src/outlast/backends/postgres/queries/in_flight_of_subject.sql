SELECT id FROM analysis_sessions
WHERE
    user_session = %(owner)s AND analysis = %(analysis)s AND subject = %(subject)s
    AND session_in_flight(status) AND cancel_requested_at IS NULL
