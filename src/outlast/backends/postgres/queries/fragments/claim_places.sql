places AS MATERIALIZED (
    SELECT q.queue, a.analysis
    FROM unnest(%(queues)s::text []) AS q (queue) CROSS JOIN unnest(%(analyses)s::text []) AS a (analysis)
    WHERE EXISTS (SELECT FROM workers WHERE workers.id = %(worker_id)s)
)
