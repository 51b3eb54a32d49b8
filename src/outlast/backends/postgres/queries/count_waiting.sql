SELECT count(*) AS waiting FROM (
    SELECT FROM analysis_sessions WHERE status = 'pending' LIMIT %(limit)s
) AS waiting
