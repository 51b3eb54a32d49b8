SELECT id FROM analysis_sessions
WHERE user_session = %(owner)s AND completed_at IS NOT NULL
ORDER BY id
LIMIT %(batch)s
FOR UPDATE
