INSERT INTO attempts (session_id, claim, attempt, worker_id, ended, ended_at, error, cause)
SELECT s.id, s.claim, s.attempt, s.worker_id, %(ended)s, (SELECT clock_timestamp()), t.line, %(cause)s::text
FROM json_to_recordset(%(taken)s::json) AS t (session_id text, claim bigint, line text)
INNER JOIN analysis_sessions AS s ON s.id = t.session_id
WHERE s.claim = t.claim AND s.status = 'processing'
