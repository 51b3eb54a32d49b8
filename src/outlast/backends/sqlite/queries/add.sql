INSERT INTO analysis_sessions (
    id, user_session, analysis, subject, input, queue, priority, steps, max_attempts, timeout,
    created_at, updated_at, available_at, offered_at, version, timed_from, timed_boot
)
SELECT
    :id, :owner, :analysis, :subject, :input, :queue, :priority, :steps, :max_attempts, :timeout,
    :now, :now, :now, :now, :ms, :monotonic, :boot_id
WHERE
    (
        SELECT count(*) FROM analysis_sessions
        WHERE user_session = :owner AND {in_flight} AND cancel_requested_at IS NULL
    ) + (
        SELECT count(*) FROM analysis_sessions
        WHERE user_session = :owner AND {in_flight} AND cancel_requested_at IS NOT NULL
    ) < :active_limit
    AND (SELECT sessions FROM waiting) < :pending_limit
ON CONFLICT (user_session, analysis, subject)
WHERE {in_flight} AND cancel_requested_at IS NULL
DO NOTHING
RETURNING {session_columns}
