-- Every registered worker with what changes when it beats.
SELECT id, beat || ' ' || extract(EPOCH FROM lease_until), process FROM workers
