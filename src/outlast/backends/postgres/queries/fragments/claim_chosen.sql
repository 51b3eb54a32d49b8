-- The end of each claim: no other session with crashes is claimed beside a suspect. `= ANY(ARRAY(…))` so that no generic
-- plan reads the table.
chosen AS MATERIALIZED (
    SELECT c.id, c.crashes FROM candidates AS c ORDER BY c.turn_at, c.number LIMIT %(limit)s
)
UPDATE analysis_sessions AS s SET
    {claimed_values}
FROM now
WHERE
    s.id = ANY(ARRAY(
        SELECT c.id FROM chosen AS c
        WHERE c.crashes <> 1 OR NOT EXISTS (SELECT FROM chosen AS other WHERE other.crashes > 1)
    ))
RETURNING {claimed_columns}, s.turn_at, s.number
