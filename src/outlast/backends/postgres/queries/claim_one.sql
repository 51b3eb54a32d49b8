-- A session without limits. `IS NOT DISTINCT FROM`: so that no index of what waits serves, which may be full of what has
-- ended.
UPDATE analysis_sessions AS s SET
    {claimed_values}
FROM ({now}) AS now
WHERE
    s.id = %(id)s
    AND s.status IS NOT DISTINCT FROM 'pending'
    AND s.limits IS NULL
    AND (s.ready > 0 OR s.available_at <= now.at)
    AND NOT {paused(s.queue, s.analysis)}
    AND EXISTS (SELECT FROM workers WHERE workers.id = %(worker_id)s)
RETURNING {claimed_columns}
