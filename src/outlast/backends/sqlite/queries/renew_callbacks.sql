UPDATE callbacks SET delivery_id = NULL
WHERE session_id IN (SELECT value FROM json_each(:ids)) AND delivery_id IS NOT NULL
