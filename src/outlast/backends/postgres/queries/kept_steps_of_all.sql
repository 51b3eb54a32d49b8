SELECT session_id, step, occurrence, version, result, duration_ms FROM kept_steps
WHERE session_id = ANY(%(ids)s)
ORDER BY session_id, step, occurrence
