-- Results count as compressed.
SELECT (
    (SELECT COALESCE(SUM(bytes), 0) FROM uploads WHERE user_session = %(owner)s)
    + (SELECT COALESCE(SUM(pg_column_size(result)), 0) FROM results WHERE user_session = %(owner)s)
)::bigint AS bytes
