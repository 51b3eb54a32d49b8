DELETE FROM facts WHERE session_id IN (SELECT value FROM json_each(:ids)) RETURNING 1 AS counts
