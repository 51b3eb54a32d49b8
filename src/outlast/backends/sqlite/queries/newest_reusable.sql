SELECT session_id, completed_at FROM results
WHERE reuse_key = (SELECT :reuse_key) AND analysis = (SELECT :analysis) AND subject = (SELECT :subject)
ORDER BY completed_at DESC
LIMIT 1
