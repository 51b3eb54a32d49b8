-- The registered workers, with a token that changes with each renewal, and unregistered ones that hold sessions.
WITH RECURSIVE holders (worker_id) AS (
    SELECT (
        SELECT s.worker_id FROM analysis_sessions AS s INDEXED BY sessions_held
        WHERE s.status = 'processing'
        ORDER BY s.worker_id LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT s.worker_id FROM analysis_sessions AS s INDEXED BY sessions_held
        WHERE s.status = 'processing' AND s.worker_id > holders.worker_id
        ORDER BY s.worker_id LIMIT 1
    )
    FROM holders WHERE holders.worker_id IS NOT NULL
)
SELECT id AS worker_id, beat || ' ' || lease_until AS token, boot_id, process FROM workers
UNION ALL
SELECT worker_id, '', NULL, NULL FROM holders
WHERE worker_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM workers WHERE workers.id = holders.worker_id)
