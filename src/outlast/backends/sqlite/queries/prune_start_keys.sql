DELETE FROM start_keys WHERE rowid IN (SELECT rowid FROM start_keys WHERE until <= :before LIMIT :batch + 0)
RETURNING 1 AS counts
