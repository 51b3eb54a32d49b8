-- The sessions of those of these workers whose leases have lapsed (`registered`), or that are not registered.
SELECT
    s.id AS session_id, s.claim, s.worker_id, s.crashes, s.lapses, s.cancel_requested_at IS NOT NULL AS cancel_requested
FROM analysis_sessions AS s
WHERE
    s.status = 'processing' AND s.worker_id = ANY(%(workers)s::text [])
    AND (
        s.worker_id = ANY(%(registered)s::text [])
        OR NOT EXISTS (SELECT FROM workers AS w WHERE w.id = s.worker_id)
    )
ORDER BY s.id
FOR UPDATE OF s
