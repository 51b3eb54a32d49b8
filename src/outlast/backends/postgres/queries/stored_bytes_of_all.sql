SELECT COALESCE(SUM(bytes), 0)::bigint FROM uploads
