DELETE FROM start_keys WHERE user_session = %(owner)s AND key = %(key)s AND held_until IS NOT NULL
