INSERT INTO attempts (session_id, claim, attempt, worker_id, ended, ended_at, last_step, host, duration_ms)
SELECT s.id, s.claim, s.attempt, s.worker_id, 'released', now.at, {last_step}, {host_of_worker}, {uncounted_ms}
FROM analysis_sessions AS s CROSS JOIN ({now}) AS now
WHERE s.status = 'processing' AND s.worker_id = %(worker_id)s
