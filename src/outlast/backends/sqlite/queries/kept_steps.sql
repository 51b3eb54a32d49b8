SELECT step, occurrence, version, result, duration_ms FROM kept_steps
WHERE session_id = (SELECT :id)
ORDER BY step, occurrence
