-- The session's row is locked against its end, so that nothing is left behind by it; found as in `finish`.
WITH held AS MATERIALIZED (
    SELECT u.id, u.claim, u.call, u.step, u.result, u.duration_ms
    FROM json_to_recordset(%(items)s::json) AS u (
        id text, claim bigint, call text, step text, result text, duration_ms bigint
    )
    CROSS JOIN LATERAL (SELECT * FROM analysis_sessions AS named WHERE named.id = u.id OFFSET 0 FOR KEY SHARE) AS s
    WHERE s.claim = u.claim AND s.status = 'processing'
),
kept AS (
    INSERT INTO step_results (session_id, call, step, result, duration_ms)
    SELECT held.id, held.call, held.step, held.result, held.duration_ms FROM held
    ON CONFLICT (session_id, call) DO UPDATE SET
        step = excluded.step, result = excluded.result, duration_ms = excluded.duration_ms
)
SELECT held.id, held.claim, held.call FROM held
