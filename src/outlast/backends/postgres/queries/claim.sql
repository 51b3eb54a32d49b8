-- Each queue and analysis has its own next ones, which are merged. Of the suspects the one that came last is taken:
-- before it came, its worker lived. `= ANY(ARRAY(…))` so that no plan, made for whatever number, reads the table.
WITH now AS MATERIALIZED ({now}),
places AS MATERIALIZED (
    SELECT q.queue, a.analysis
    FROM unnest(%(queues)s::text []) AS q (queue) CROSS JOIN unnest(%(analyses)s::text []) AS a (analysis)
    WHERE EXISTS (SELECT FROM workers WHERE workers.id = %(worker_id)s)
),
honest AS MATERIALIZED (
    SELECT next.id, next.priority, next.available_at, next.number
    FROM places CROSS JOIN LATERAL (
        SELECT s.id, s.priority, s.available_at, s.number FROM analysis_sessions AS s
        WHERE s.queue = places.queue AND s.analysis = places.analysis AND s.status = 'pending' AND s.ready = 1
        ORDER BY s.priority DESC, s.available_at, s.number
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    ) AS next
),
suspects AS MATERIALIZED (
    SELECT last.id, last.priority, last.available_at, last.number
    FROM places CROSS JOIN LATERAL (
        SELECT s.id, s.priority, s.available_at, s.number FROM analysis_sessions AS s
        WHERE s.queue = places.queue AND s.analysis = places.analysis AND s.status = 'pending' AND s.ready = 2
        ORDER BY s.number DESC
        LIMIT %(suspects)s
        FOR UPDATE SKIP LOCKED
    ) AS last
),
fit AS (
    SELECT * FROM honest
    UNION ALL
    (SELECT * FROM suspects ORDER BY number DESC LIMIT %(suspects)s)
)
UPDATE analysis_sessions AS s SET
    status = 'processing',
    claim = s.claim + 1,
    attempt = s.attempt + 1,
    worker_id = %(worker_id)s,
    deadline = now.at + make_interval(secs => s.timeout + %(grace)s),
    started_at = coalesce(s.started_at, now.at),
    updated_at = now.at,
    version = greatest(s.version + 1, now.ms)
FROM now
WHERE
    s.id = ANY(ARRAY(SELECT fit.id FROM fit ORDER BY fit.priority DESC, fit.available_at, fit.number LIMIT %(limit)s))
RETURNING {own_columns}, s.number
