INSERT INTO step_results (session_id, call, step, result, duration_ms)
SELECT session_id, call, step, result, duration_ms
FROM json_to_recordset(%(kept)s::json) AS k (
    session_id text, call text, step text, result text, duration_ms bigint
)
