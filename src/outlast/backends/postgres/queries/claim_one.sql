-- `IS NOT DISTINCT FROM`: so that no index of what waits serves, which may be full of what has ended.
UPDATE analysis_sessions AS s SET
    status = 'processing',
    claim = s.claim + 1,
    attempt = s.attempt + 1,
    worker_id = %(worker_id)s,
    started_at = coalesce(s.started_at, greatest(now.at, s.created_at)),
    waited_ms = s.waited_ms + {phase_ms},
    timed_from = now.at,
    updated_at = now.at,
    version = greatest(s.version + 1, now.ms)
FROM ({now}) AS now
WHERE
    s.id = %(id)s
    AND s.status IS NOT DISTINCT FROM 'pending'
    AND (s.ready > 0 OR s.available_at <= now.at)
    AND EXISTS (SELECT FROM workers WHERE workers.id = %(worker_id)s)
RETURNING {own_columns}
