DELETE FROM facts WHERE session_id = ANY(%(ids)s) RETURNING 1 AS counts
