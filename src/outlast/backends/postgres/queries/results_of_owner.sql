SELECT session_id AS id FROM results WHERE user_session = %(owner)s LIMIT %(batch)s
