DELETE FROM results WHERE session_id = ANY(%(ids)s)
