DELETE FROM start_keys WHERE user_session = %(owner)s
