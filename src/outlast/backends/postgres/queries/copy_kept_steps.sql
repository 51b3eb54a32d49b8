INSERT INTO step_results (session_id, call, step, result, duration_ms)
SELECT %(id)s, call, step, result, duration_ms FROM step_results
WHERE session_id = %(run_id)s
ON CONFLICT DO NOTHING
