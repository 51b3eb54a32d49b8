INSERT INTO callbacks (session_id, url, key_id)
SELECT id, :url, :key_id FROM analysis_sessions WHERE id = :session_id
ON CONFLICT (session_id, url) DO NOTHING
