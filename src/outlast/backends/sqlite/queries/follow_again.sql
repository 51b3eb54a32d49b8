-- Lets a session that has ended follow a run, and with `failed` all that have failed with this run.
-- OR IGNORE: not those whose owner has another session of the subject in flight.
UPDATE OR IGNORE analysis_sessions SET
    status = 'pending',
    ready = -1,
    run_id = :run_id,
    available_at = :never,
    {as_new},
    timed_from = :monotonic,
    timed_boot = :boot_id,
    updated_at = :now,
    version = max(version + 1, :ms)
WHERE
    status IN ('failed', 'cancelled')
    AND (id = :id OR (:failed AND run_id = :run_id AND status = 'failed'))
RETURNING id
