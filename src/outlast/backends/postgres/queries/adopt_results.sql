UPDATE results SET
    user_session = %(owner)s,
    reuse_key = replace(reuse_key, %(anonymous)s, %(owner)s)
WHERE user_session = %(anonymous)s
