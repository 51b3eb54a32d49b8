-- The run of everybody in flight, which does not end before the transaction does.
SELECT id FROM analysis_sessions
WHERE
    user_session = %(reuse_key)s AND analysis = %(analysis)s AND subject = %(subject)s
    AND session_in_flight(status) AND cancel_requested_at IS NULL
FOR SHARE
