-- Every registered worker with what changes when it beats.
SELECT id AS worker_id, beat || ' ' || extract(EPOCH FROM lease_until) AS token, process FROM workers
