UPDATE analysis_sessions SET
    status = 'cancelled',
    steps = :steps,
    worker_id = NULL,
    deadline = NULL,
    end_digest = :digest,
    completed_at = max(:now, coalesce(started_at, created_at)),
    worked_ms = worked_ms + {phase_ms},
    timed_from = :monotonic,
    timed_boot = :boot_id,
    updated_at = :now,
    version = max(version + 1, :ms)
WHERE id = :id AND claim = :claim AND status = 'processing'
