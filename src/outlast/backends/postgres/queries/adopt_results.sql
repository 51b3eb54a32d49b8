UPDATE results SET user_session = %(owner)s WHERE user_session = %(anonymous)s
