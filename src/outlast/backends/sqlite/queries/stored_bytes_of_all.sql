SELECT (SELECT COALESCE(SUM(bytes), 0) FROM uploads) + (SELECT COALESCE(SUM(bytes), 0) FROM results)
