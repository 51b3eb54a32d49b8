UPDATE start_keys SET session_id = :session_id, held_until = NULL WHERE user_session = :owner AND key = :key
