-- Each of :taken is [id, claim, status, crashes, lapses, line, error, error_code].
UPDATE analysis_sessions SET
    status = t.value ->> 2,
    completed_at = iif(t.value ->> 2 = 'pending', NULL, max(:now, coalesce(started_at, created_at))),
    worked_ms = worked_ms + {uncounted_ms},
    timed_from = :monotonic,
    timed_boot = :boot_id,
    crashes = t.value ->> 3,
    lapses = t.value ->> 4,
    error = coalesce(t.value ->> 6, error),
    error_code = coalesce(t.value ->> 7, error_code),
    reference = iif(t.value ->> 6 IS NULL, reference, NULL),
    exception = iif(t.value ->> 6 IS NULL, exception, ''),
    available_at = iif(t.value ->> 2 = 'pending', :now, available_at),
    turn_at = iif(t.value ->> 2 = 'pending', {turn_of(:now)}, turn_at),
    waits_for = NULL,
    ready = {ready_now(t.value ->> 3)},
    attempt = attempt - 1,
    {no_worker},
    updated_at = :now,
    version = max(version + 1, :ms)
FROM (SELECT value FROM json_each(:taken)) AS t
WHERE id = t.value ->> 0 AND claim = t.value ->> 1 AND +status = 'processing'
RETURNING id
