-- Lets a session that has ended follow a run, and with `failed` all that have failed with this run, except those whose
-- owner has another session of the subject in flight.
UPDATE analysis_sessions AS s SET
    status = 'pending',
    ready = -1,
    run_id = %(run_id)s,
    available_at = %(never)s,
    {as_new},
    timed_from = now.at,
    updated_at = now.at,
    version = greatest(s.version + 1, now.ms)
FROM ({now}) AS now
WHERE
    s.status IN ('failed', 'cancelled')
    AND (s.id = %(id)s OR (%(failed)s AND s.run_id = %(run_id)s AND s.status = 'failed'))
    AND NOT EXISTS (
        SELECT FROM analysis_sessions AS o
        WHERE
            o.user_session = s.user_session AND o.analysis = s.analysis AND o.subject = s.subject
            AND session_in_flight(o.status) AND o.cancel_requested_at IS NULL
    )
RETURNING s.id
