SELECT COALESCE(SUM(bytes), 0)::bigint AS bytes FROM uploads WHERE user_session = %(owner)s
