INSERT INTO step_results (session_id, call, step, result, duration_ms)
SELECT id, :call, :step, :result, :duration_ms FROM analysis_sessions
WHERE id = :id AND claim = :claim AND status = 'processing'
ON CONFLICT (session_id, call) DO UPDATE SET
    step = excluded.step, result = excluded.result, duration_ms = excluded.duration_ms
RETURNING 1
