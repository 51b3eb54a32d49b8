SELECT session_id, call, step, result, duration_ms FROM step_results
WHERE session_id IN (SELECT value FROM json_each(:ids))
ORDER BY session_id, call
