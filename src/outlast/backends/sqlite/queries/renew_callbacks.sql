UPDATE callbacks SET delivery_id = NULL WHERE session_id = :id
