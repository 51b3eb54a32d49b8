-- Results count as compressed.
SELECT (
    (SELECT COALESCE(SUM(bytes), 0) FROM uploads)
    + (SELECT COALESCE(SUM(pg_column_size(result)), 0) FROM results)
)::bigint AS bytes
