UPDATE analysis_sessions SET
    status = 'cancelled',
    steps = :steps,
    worker_id = NULL,
    deadline = NULL,
    end_digest = :digest,
    completed_at = :now,
    updated_at = :now,
    version = max(version + 1, :ms)
WHERE id = :id AND claim = :claim AND status = 'processing'
