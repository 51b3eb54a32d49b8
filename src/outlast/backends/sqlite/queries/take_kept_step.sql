INSERT INTO step_results (session_id, call, step, result, duration_ms)
VALUES (:id, :call, :step, :result, :duration_ms)
