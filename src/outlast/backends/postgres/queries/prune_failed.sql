DELETE FROM analysis_sessions WHERE id = ANY(ARRAY({prunable_failed} LIMIT %(batch)s FOR UPDATE SKIP LOCKED))
RETURNING 1 AS counts
