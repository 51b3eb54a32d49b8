DELETE FROM results WHERE session_id IN (SELECT value FROM json_each(:ids))
