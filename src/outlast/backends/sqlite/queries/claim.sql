UPDATE analysis_sessions SET
    status = 'processing',
    claim = claim + 1,
    attempt = attempt + 1,
    worker_id = :worker_id,
    started_at = coalesce(started_at, max(:now, created_at)),
    waited_ms = waited_ms + {phase_ms},
    timed_from = :monotonic,
    timed_boot = :boot_id,
    updated_at = :now,
    version = max(version + 1, :ms)
WHERE
    rowid IN (SELECT value FROM json_each(:numbers))
    AND +status = 'pending'
    AND EXISTS (SELECT 1 FROM workers WHERE workers.id = :worker_id)
RETURNING {session_columns}, rowid
