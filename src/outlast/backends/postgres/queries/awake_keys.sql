SELECT key FROM limit_keys WHERE wake_at <= (SELECT clock_timestamp()) ORDER BY wake_at LIMIT %(limit)s
