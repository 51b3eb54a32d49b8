-- Who holds sessions and is not registered. They are looked for between the registered ones, whose entries are many:
-- also those of what has ended, while somebody can still see it.
WITH RECURSIVE gaps AS (
    SELECT id AS above, lead(id) OVER (ORDER BY id) AS below FROM workers
    UNION ALL
    SELECT '', min(id) FROM workers
),
holders (worker_id, below) AS (
    SELECT gaps.above, gaps.below FROM gaps
    UNION ALL
    SELECT
        coalesce(
            (
                SELECT s.worker_id FROM analysis_sessions AS s
                WHERE s.status = 'processing' AND s.worker_id > holders.worker_id AND s.worker_id < holders.below
                ORDER BY s.worker_id LIMIT 1
            ),
            (
                SELECT s.worker_id FROM analysis_sessions AS s
                WHERE holders.below IS NULL AND s.status = 'processing' AND s.worker_id > holders.worker_id
                ORDER BY s.worker_id LIMIT 1
            )
        ),
        holders.below
    FROM holders WHERE holders.worker_id IS NOT NULL
)
SELECT worker_id FROM holders
WHERE worker_id <> '' AND NOT EXISTS (SELECT FROM workers WHERE workers.id = holders.worker_id)
