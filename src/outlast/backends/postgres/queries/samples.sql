SELECT analysis, step, duration_ms FROM step_statistics ORDER BY analysis, step, number
