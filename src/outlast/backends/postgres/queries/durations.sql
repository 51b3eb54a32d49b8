SELECT step, duration_ms FROM step_statistics WHERE analysis = %(analysis)s ORDER BY step, number
