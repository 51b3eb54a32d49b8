DELETE FROM analysis_sessions AS s
USING json_to_recordset(%(sessions)s::json) AS c (owner text, analysis text, subject text, status text, requested text)
WHERE
    s.user_session = c.owner AND s.analysis = c.analysis AND s.subject = c.subject
    AND s.status IN ('pending', 'processing') AND s.cancel_requested_at IS NULL
    AND c.status IN ('pending', 'processing') AND c.requested IS NULL
