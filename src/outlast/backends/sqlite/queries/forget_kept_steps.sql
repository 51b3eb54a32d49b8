DELETE FROM step_results WHERE session_id = :id
