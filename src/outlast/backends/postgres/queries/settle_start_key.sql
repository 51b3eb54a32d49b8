UPDATE start_keys SET session_id = %(session_id)s, held_until = NULL
WHERE user_session = %(owner)s AND key = %(key)s
