SELECT key FROM limit_keys WHERE wake_at <= :now ORDER BY wake_at LIMIT :limit + 0
