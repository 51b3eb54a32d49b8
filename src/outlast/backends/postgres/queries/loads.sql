SELECT load.queue, sum(load.in_flight)::bigint AS in_flight, sum(load.failed)::bigint AS failed
FROM (
    SELECT queue, count(*) AS in_flight, 0 AS failed FROM analysis_sessions
    WHERE status = 'processing'
    GROUP BY queue
    UNION ALL
    SELECT queue, 0, count(*) FROM analysis_sessions
    WHERE status = 'failed' AND completed_at >= %(since)s
    GROUP BY queue
) AS load
GROUP BY load.queue
ORDER BY load.queue
