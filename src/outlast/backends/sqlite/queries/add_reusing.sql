INSERT INTO analysis_sessions (
    {new_fields}, user_session, status, progress_percentage, redirect_url, result_bytes, result_of, result_at,
    created_at, updated_at, available_at, completed_at, version, timed_from, timed_boot, turn_at
)
SELECT
    {:new_fields}, :owner, 'completed', 100, r.redirect_url, r.bytes, r.session_id, r.completed_at,
    :now, :now, :now, :now, :ms, :monotonic, :boot_id, :now
FROM results AS r
WHERE r.session_id = :result_of
