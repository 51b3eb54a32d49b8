INSERT INTO attempts (session_id, claim, attempt, worker_id, ended, ended_at, error, reference, cause)
SELECT session_id, claim, attempt, worker_id, ended, ended_at, error, reference, cause
FROM json_to_recordset(%(attempts)s::json) AS a (
    session_id text, claim bigint, attempt integer, worker_id text, ended text, ended_at timestamptz, error text,
    reference text, cause text
)
