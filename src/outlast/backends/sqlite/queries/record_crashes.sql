INSERT INTO attempts (session_id, claim, attempt, worker_id, ended, ended_at, error)
SELECT id, claim, attempt, worker_id, 'crashed', :now, t.value ->> 4
FROM (SELECT value FROM json_each(:taken)) AS t CROSS JOIN analysis_sessions
WHERE id = t.value ->> 0 AND claim = t.value ->> 1 AND +status = 'processing'
