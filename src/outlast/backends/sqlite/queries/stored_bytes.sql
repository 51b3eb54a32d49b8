SELECT COALESCE(SUM(bytes), 0) FROM uploads WHERE user_session = :owner
