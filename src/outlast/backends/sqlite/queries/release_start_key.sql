DELETE FROM start_keys WHERE user_session = :owner AND key = :key AND held_until IS NOT NULL
