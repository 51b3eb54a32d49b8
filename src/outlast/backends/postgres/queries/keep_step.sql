-- The session's row is locked against its end, so that nothing is left behind by it.
WITH held AS MATERIALIZED (
    SELECT u.id, u.claim, u.step, u.occurrence, u.version, u.result, u.duration_ms
    FROM json_to_recordset(%(items)s::json) AS u (
        id text, claim bigint, step text, occurrence integer, version integer, result text, duration_ms bigint
    )
    INNER JOIN analysis_sessions AS s ON s.id = u.id
    WHERE s.claim = u.claim AND s.status = 'processing'
    FOR KEY SHARE OF s
),
kept AS (
    INSERT INTO kept_steps (session_id, step, occurrence, version, result, duration_ms)
    SELECT held.id, held.step, held.occurrence, held.version, held.result, held.duration_ms FROM held
    ON CONFLICT (session_id, step, occurrence) DO UPDATE SET
        version = excluded.version, result = excluded.result, duration_ms = excluded.duration_ms
)
SELECT held.id, held.claim, held.step, held.occurrence FROM held
