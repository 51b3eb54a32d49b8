SELECT count(*) AS waiting FROM (
    SELECT FROM analysis_sessions WHERE status = 'pending' AND ready >= 0 LIMIT %(limit)s
) AS waiting
