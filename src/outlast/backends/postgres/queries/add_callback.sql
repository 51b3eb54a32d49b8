INSERT INTO callbacks (session_id, url, key_id)
SELECT id, %(url)s, %(key_id)s FROM analysis_sessions WHERE id = %(session_id)s
ON CONFLICT (session_id, url) DO NOTHING
