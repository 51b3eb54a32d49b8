-- The end of each claim. Of the suspects the newest is claimed, as workers were alive before it was started, and no other
-- session with crashes beside it. `= ANY(ARRAY(…))` so that no generic plan reads the table.
suspects AS MATERIALIZED (
    SELECT last.id, last.priority, last.available_at, last.number, last.crashes
    FROM places CROSS JOIN LATERAL (
        SELECT s.id, s.priority, s.available_at, s.number, s.crashes FROM analysis_sessions AS s
        WHERE s.queue = places.queue AND s.analysis = places.analysis AND s.status = 'pending' AND s.ready = 2
            AND s.id <> ALL(%(excluded)s::text [])
        ORDER BY s.number DESC
        LIMIT (%(most_crashes)s = 0)::int
        FOR UPDATE SKIP LOCKED
    ) AS last
),
candidates AS (
    SELECT * FROM ordinary
    UNION ALL
    (SELECT * FROM suspects ORDER BY number DESC LIMIT 1)
),
chosen AS MATERIALIZED (
    SELECT c.id, c.crashes FROM candidates AS c ORDER BY c.priority DESC, c.available_at, c.number LIMIT %(limit)s
)
UPDATE analysis_sessions AS s SET
    {claimed_values}
FROM now
WHERE
    s.id = ANY(ARRAY(
        SELECT c.id FROM chosen AS c
        WHERE c.crashes <> 1 OR NOT EXISTS (SELECT FROM chosen AS other WHERE other.crashes > 1)
    ))
RETURNING {claimed_columns}, s.number
