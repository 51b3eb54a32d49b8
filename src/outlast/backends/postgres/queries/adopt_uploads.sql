UPDATE uploads AS u SET user_session = %(owner)s
WHERE
    u.user_session = %(anonymous)s
    AND NOT EXISTS (SELECT FROM uploads AS o WHERE o.user_session = %(owner)s AND o.sha256 = u.sha256)
