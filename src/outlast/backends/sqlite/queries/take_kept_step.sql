INSERT INTO kept_steps (session_id, step, occurrence, version, result, duration_ms)
VALUES (:id, :step, :occurrence, :version, :result, :duration_ms)
