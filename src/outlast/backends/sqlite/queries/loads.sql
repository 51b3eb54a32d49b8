SELECT queue, sum(in_flight) AS in_flight, sum(failed) AS failed
FROM (
    SELECT queue, count(*) AS in_flight, 0 AS failed FROM analysis_sessions INDEXED BY sessions_held
    WHERE status = 'processing'
    GROUP BY queue
    UNION ALL
    SELECT queue, 0, count(*) FROM analysis_sessions INDEXED BY sessions_failed_by_end
    WHERE status = 'failed' AND completed_at >= :since
    GROUP BY queue
)
GROUP BY queue
ORDER BY queue
