SELECT step, duration_ms FROM step_statistics WHERE analysis = (SELECT :analysis) ORDER BY step, number
