-- Without a key and a link: nobody reuses a copy.
INSERT INTO results (session_id, user_session, analysis, subject, redirect_url, completed_at, bytes, result)
SELECT :id, :owner, r.analysis, r.subject, r.redirect_url, :now, r.bytes, r.result
FROM results AS r
WHERE r.session_id = :result_of
