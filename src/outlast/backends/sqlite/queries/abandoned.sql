-- What is held by the given dead workers, or by any that is not registered, or is past its deadline.
WITH RECURSIVE holders (worker_id) AS (
    SELECT (SELECT min(worker_id) FROM analysis_sessions WHERE status = 'processing')
    UNION ALL
    SELECT (
        SELECT min(s.worker_id) FROM analysis_sessions AS s
        WHERE s.status = 'processing' AND s.worker_id > holders.worker_id
    )
    FROM holders WHERE holders.worker_id IS NOT NULL
)
SELECT id, claim, worker_id, crashes, cancel_requested_at IS NOT NULL FROM analysis_sessions
WHERE rowid IN (
    SELECT s.rowid FROM holders CROSS JOIN analysis_sessions AS s
    WHERE
        s.status = 'processing' AND s.worker_id = holders.worker_id
        AND (
            holders.worker_id IN (SELECT value FROM json_each(:dead))
            OR NOT EXISTS (SELECT 1 FROM workers WHERE workers.id = holders.worker_id)
        )
    UNION ALL
    SELECT rowid FROM analysis_sessions WHERE status = 'processing' AND deadline <= :monotonic
)
