-- What is held by the given dead workers, or by any that is not registered, or is past its deadline.
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
SELECT id, claim, worker_id, crashes, cancel_requested_at IS NOT NULL FROM analysis_sessions
WHERE rowid IN (
    SELECT s.rowid FROM holders CROSS JOIN analysis_sessions AS s INDEXED BY sessions_held
    WHERE
        s.status = 'processing' AND s.worker_id = holders.worker_id
        AND (
            holders.worker_id IN (SELECT value FROM json_each(:dead))
            OR NOT EXISTS (SELECT 1 FROM workers WHERE workers.id = holders.worker_id)
        )
    UNION ALL
    SELECT rowid FROM analysis_sessions INDEXED BY sessions_by_deadline
    WHERE status = 'processing' AND deadline <= :monotonic
)
