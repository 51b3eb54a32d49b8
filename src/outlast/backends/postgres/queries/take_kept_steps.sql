INSERT INTO kept_steps (session_id, step, occurrence, version, result, duration_ms)
SELECT session_id, step, occurrence, version, result, duration_ms
FROM json_to_recordset(%(kept)s::json) AS k (
    session_id text, step text, occurrence integer, version integer, result text, duration_ms bigint
)
