-- As `claim_one`, of a session whose limits allow it to run.
UPDATE analysis_sessions AS s SET
    {claimed_values},
    waits_for = NULL
FROM ({now}) AS now
WHERE
    s.id = %(id)s
    AND s.status IS NOT DISTINCT FROM 'pending'
    AND (s.ready > 0 OR s.available_at <= now.at)
    AND NOT {paused(s.queue, s.analysis)}
    AND EXISTS (SELECT FROM workers WHERE workers.id = %(worker_id)s)
RETURNING {claimed_columns}
