INSERT INTO attempts (session_id, claim, attempt, worker_id, ended, ended_at, last_step, host, duration_ms)
SELECT id, claim, attempt, worker_id, 'released', :now, {last_step}, {host_of_worker}, {uncounted_ms}
FROM analysis_sessions
WHERE status = 'processing' AND worker_id = :worker_id
