-- The next ordinary sessions of each {1}, where {2}.
ordinary AS MATERIALIZED (
    SELECT next.id, next.turn_at, next.number, next.crashes
    FROM {1} CROSS JOIN LATERAL (
        SELECT s.id, s.turn_at, s.number, s.crashes FROM analysis_sessions AS s
        WHERE
            s.queue = {1}.queue AND s.analysis = {1}.analysis AND s.status = 'pending' AND s.ready = 1 AND {2}
            AND (s.crashes = 0 OR %(most_crashes)s < 2) AND s.id <> ALL(%(excluded)s::text [])
        ORDER BY s.turn_at, s.number
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    ) AS next
)
