SELECT s.id, s.claim, s.worker_id, s.crashes, s.cancel_requested_at IS NOT NULL FROM analysis_sessions AS s
WHERE
    s.id = ANY(ARRAY({abandoned}))
    AND s.status = 'processing'
ORDER BY s.id
FOR UPDATE
