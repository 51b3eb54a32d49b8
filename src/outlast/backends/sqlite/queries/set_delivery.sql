UPDATE callbacks SET delivery_id = :delivery_id WHERE session_id = :session_id AND url = :url
