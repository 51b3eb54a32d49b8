INSERT INTO attempts (session_id, claim, attempt, worker_id, ended, ended_at)
SELECT id, claim, attempt, worker_id, 'released', (SELECT clock_timestamp()) FROM analysis_sessions
WHERE status = 'processing' AND worker_id = %(worker_id)s
