SELECT c.session_id, c.url, c.key_id, s.queue, s.version
FROM callbacks c JOIN analysis_sessions s ON s.id = c.session_id
WHERE c.delivery_id IS NULL AND s.completed_at IS NOT NULL
LIMIT :limit + 0
