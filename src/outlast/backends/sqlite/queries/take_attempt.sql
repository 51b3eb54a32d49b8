INSERT INTO attempts (session_id, claim, attempt, worker_id, ended, ended_at, error, reference, cause)
VALUES (:id, :claim, :attempt, :worker_id, :ended, :ended_at, :error, :reference, :cause)
