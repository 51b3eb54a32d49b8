-- Of the suspects the newest is claimed, as workers were alive before it was started, and none with limits.
suspects AS MATERIALIZED (
    SELECT last.id, last.turn_at, last.number, last.crashes
    FROM places CROSS JOIN LATERAL (
        SELECT s.id, s.turn_at, s.number, s.crashes FROM analysis_sessions AS s
        WHERE s.queue = places.queue AND s.analysis = places.analysis AND s.status = 'pending' AND s.ready = 2
            AND s.id <> ALL(%(excluded)s::text []) AND s.limits IS NULL
        ORDER BY s.number DESC
        LIMIT (%(most_crashes)s = 0)::int
        FOR UPDATE SKIP LOCKED
    ) AS last
)
