SELECT COALESCE(SUM(bytes), 0)::bigint FROM uploads WHERE user_session = %(owner)s
