SELECT COALESCE(SUM(bytes), 0) FROM uploads
