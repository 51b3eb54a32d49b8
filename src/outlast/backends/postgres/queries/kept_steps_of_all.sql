SELECT session_id, call, step, result, duration_ms FROM step_results
WHERE session_id = ANY(%(ids)s)
ORDER BY session_id, call
