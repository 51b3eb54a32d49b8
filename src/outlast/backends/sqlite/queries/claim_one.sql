UPDATE analysis_sessions SET
    {claimed_values},
    waits_for = NULL
WHERE
    id = :id
    AND status = 'pending'
    AND (ready > 0 OR available_at <= :now)
    AND NOT {paused}
    AND EXISTS (SELECT 1 FROM workers WHERE workers.id = :worker_id)
RETURNING {session_columns}
