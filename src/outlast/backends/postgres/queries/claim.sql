-- Finds the next sessions of each queue and analysis, and merges them.
WITH now AS MATERIALIZED ({now}),
{claim_places},
ordinary AS MATERIALIZED (
    SELECT next.id, next.priority, next.available_at, next.number, next.crashes
    FROM places CROSS JOIN LATERAL (
        SELECT s.id, s.priority, s.available_at, s.number, s.crashes FROM analysis_sessions AS s
        WHERE
            s.queue = places.queue AND s.analysis = places.analysis AND s.status = 'pending' AND s.ready = 1
            {lock_next}
    ) AS next
),
{claim_candidates}
