INSERT INTO kept_steps (session_id, step, occurrence, version, result, duration_ms)
SELECT id, :step, :occurrence, :version, :result, :duration_ms FROM analysis_sessions
WHERE id = :id AND claim = :claim AND status = 'processing'
ON CONFLICT (session_id, step, occurrence) DO UPDATE SET
    version = excluded.version, result = excluded.result, duration_ms = excluded.duration_ms
RETURNING 1
