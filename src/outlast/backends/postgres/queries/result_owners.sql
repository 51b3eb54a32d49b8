SELECT session_id, user_session FROM results WHERE session_id > %(after)s ORDER BY session_id LIMIT %(limit)s
