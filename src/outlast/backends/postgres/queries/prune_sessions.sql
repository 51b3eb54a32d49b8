DELETE FROM analysis_sessions
WHERE id = ANY(ARRAY({prunable_sessions} ORDER BY completed_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED))
RETURNING 1 AS counts, completed_at
