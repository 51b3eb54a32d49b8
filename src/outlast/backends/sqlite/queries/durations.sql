SELECT step, duration_ms FROM step_statistics WHERE analysis = :analysis ORDER BY step, number
