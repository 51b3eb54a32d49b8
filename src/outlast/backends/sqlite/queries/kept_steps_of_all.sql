SELECT session_id, step, occurrence, version, result, duration_ms FROM kept_steps
WHERE session_id IN (SELECT value FROM json_each(:ids))
ORDER BY session_id, step, occurrence
