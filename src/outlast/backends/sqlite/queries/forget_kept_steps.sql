DELETE FROM kept_steps WHERE session_id = :id
