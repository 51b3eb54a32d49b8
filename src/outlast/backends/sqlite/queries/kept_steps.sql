SELECT call, step, result, duration_ms FROM step_results
WHERE session_id = (SELECT :id)
ORDER BY call
