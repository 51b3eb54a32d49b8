INSERT INTO analysis_sessions (
    {new_fields}, user_session,
    created_at, updated_at, available_at, offered_at, version, timed_from, timed_boot, turn_at, ready
)
SELECT
    {:new_fields}, :owner,
    :now, :now, :available_at, :offered_at, :ms, :monotonic, :boot_id, :turn_at, :ready
WHERE
    CASE WHEN :active_limit IS NULL THEN TRUE ELSE ({count_active}) < :active_limit END
    AND (SELECT sessions FROM waiting) < :pending_limit
ON CONFLICT (user_session, analysis, subject)
WHERE {in_flight} AND cancel_requested_at IS NULL
DO NOTHING
RETURNING 1
