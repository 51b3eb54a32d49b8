SELECT step, occurrence, version, result, duration_ms FROM kept_steps
WHERE session_id = %(id)s
ORDER BY step, occurrence
