UPDATE callbacks SET delivery_id = NULL WHERE session_id = ANY(%(ids)s) AND delivery_id IS NOT NULL
