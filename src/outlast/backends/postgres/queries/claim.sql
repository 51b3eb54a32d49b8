-- Each queue and analysis has its own next ones, which are merged.
WITH now AS MATERIALIZED ({now}),
{claim_places},
honest AS MATERIALIZED (
    SELECT next.id, next.priority, next.available_at, next.number, next.crashes
    FROM places CROSS JOIN LATERAL (
        SELECT s.id, s.priority, s.available_at, s.number, s.crashes FROM analysis_sessions AS s
        WHERE
            s.queue = places.queue AND s.analysis = places.analysis AND s.status = 'pending' AND s.ready = 1
            AND (s.crashes = 0 OR %(beside)s < 2) AND s.id <> ALL(%(passed_over)s::text [])
        ORDER BY s.priority DESC, s.available_at, s.number
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    ) AS next
),
{take_next}
