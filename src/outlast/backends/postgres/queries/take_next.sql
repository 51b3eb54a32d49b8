-- How each claim goes on. Of the suspects the one that came last is taken: before it came, its worker lived; and no other
-- beside it that has fallen. `= ANY(ARRAY(…))` so that no plan, made for whatever number, reads the table.
suspects AS MATERIALIZED (
    SELECT last.id, last.priority, last.available_at, last.number, last.crashes
    FROM places CROSS JOIN LATERAL (
        SELECT s.id, s.priority, s.available_at, s.number, s.crashes FROM analysis_sessions AS s
        WHERE s.queue = places.queue AND s.analysis = places.analysis AND s.status = 'pending' AND s.ready = 2
            AND s.id <> ALL(%(passed_over)s::text [])
        ORDER BY s.number DESC
        LIMIT (%(beside)s = 0)::int
        FOR UPDATE SKIP LOCKED
    ) AS last
),
fit AS (
    SELECT * FROM honest
    UNION ALL
    (SELECT * FROM suspects ORDER BY number DESC LIMIT 1)
),
next_ones AS MATERIALIZED (
    SELECT fit.id, fit.crashes FROM fit ORDER BY fit.priority DESC, fit.available_at, fit.number LIMIT %(limit)s
)
UPDATE analysis_sessions AS s SET
    {claimed_values}
FROM now
WHERE
    s.id = ANY(ARRAY(
        SELECT n.id FROM next_ones AS n
        WHERE n.crashes <> 1 OR NOT EXISTS (SELECT FROM next_ones AS other WHERE other.crashes > 1)
    ))
RETURNING {own_columns}, s.number
