-- What is held by any that is not registered or whose lease has ended, or is past its deadline.
WITH RECURSIVE
now AS MATERIALIZED ({now}),
holders (worker_id) AS (
    (SELECT s.worker_id FROM analysis_sessions AS s WHERE s.status = 'processing' ORDER BY s.worker_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT s.worker_id FROM analysis_sessions AS s
        WHERE s.status = 'processing' AND s.worker_id > holders.worker_id
        ORDER BY s.worker_id LIMIT 1
    )
    FROM holders WHERE holders.worker_id IS NOT NULL
)
SELECT s.id FROM holders INNER JOIN analysis_sessions AS s ON s.worker_id = holders.worker_id
WHERE
    s.status = 'processing'
    AND NOT EXISTS (SELECT FROM workers AS w, now WHERE w.id = holders.worker_id AND w.lease_until > now.at)
UNION
SELECT s.id FROM analysis_sessions AS s
WHERE s.status = 'processing' AND s.deadline <= (SELECT now.at FROM now)
