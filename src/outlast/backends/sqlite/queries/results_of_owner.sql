SELECT session_id AS id FROM results WHERE user_session = :owner LIMIT :batch + 0
