-- As `claim_suspects` and `claim_candidates`, with sessions whose limits allow them to run: the caller has locked their rows.
suspects AS MATERIALIZED (
    SELECT last.id, last.turn_at, last.number, last.crashes
    FROM places CROSS JOIN LATERAL (
        SELECT s.id, s.turn_at, s.number, s.crashes FROM analysis_sessions AS s
        WHERE s.queue = places.queue AND s.analysis = places.analysis AND s.status = 'pending' AND s.ready = 2
            AND s.id <> ALL(%(excluded)s::text [])
            AND (s.limits IS NULL OR s.id = ANY(%(admitted)s::text []))
        ORDER BY s.number DESC
        LIMIT (%(most_crashes)s = 0)::int
        FOR UPDATE SKIP LOCKED
    ) AS last
),
unlimited_candidates AS (
    SELECT {1}
    UNION ALL
    (SELECT * FROM suspects ORDER BY number DESC LIMIT 1)
),
candidates AS (
    SELECT * FROM unlimited_candidates
    UNION ALL
    SELECT s.id, s.turn_at, s.number, s.crashes FROM analysis_sessions AS s
    WHERE
        s.id = ANY(%(admitted)s::text [])
        AND EXISTS (SELECT FROM places WHERE places.queue = s.queue AND places.analysis = s.analysis)
        AND (s.crashes = 0 OR (s.crashes = 1 AND %(most_crashes)s < 2)) AND s.id <> ALL(%(excluded)s::text [])
)
