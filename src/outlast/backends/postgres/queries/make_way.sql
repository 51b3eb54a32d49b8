DELETE FROM analysis_sessions AS s
USING json_to_recordset(%(sessions)s::json) AS c (owner text, analysis text, subject text, status text, requested text)
WHERE
    s.user_session = c.owner AND s.analysis = c.analysis AND s.subject = c.subject
    AND session_in_flight(s.status) AND s.cancel_requested_at IS NULL
    AND session_in_flight(c.status) AND c.requested IS NULL
