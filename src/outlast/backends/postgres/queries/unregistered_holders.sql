-- Unregistered workers that hold sessions. It searches the index between the registered workers, whose entries are many:
-- a transaction held open keeps those of ended sessions.
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
