UPDATE analysis_sessions SET
    {claimed_values}
WHERE
    rowid IN (SELECT value FROM json_each(:numbers))
    AND +status = 'pending'
    AND EXISTS (SELECT 1 FROM workers WHERE workers.id = :worker_id)
RETURNING {session_columns}, rowid AS number
