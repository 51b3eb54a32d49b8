DELETE FROM start_keys WHERE ctid = ANY(ARRAY(SELECT ctid FROM start_keys WHERE until <= %(before)s LIMIT %(batch)s))
RETURNING 1 AS counts
