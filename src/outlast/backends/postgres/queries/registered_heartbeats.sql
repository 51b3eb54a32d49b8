-- The registered workers, with a token that changes with each renewal.
SELECT id AS worker_id, beat || ' ' || extract(EPOCH FROM lease_until) AS token, process FROM workers
