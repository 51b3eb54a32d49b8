SELECT session_id FROM results WHERE completed_at < %(before)s
