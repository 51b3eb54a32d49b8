INSERT INTO analysis_sessions (
    {new_fields}, user_session, created_at, updated_at, available_at, version, timed_from, timed_boot, turn_at, ready
)
VALUES ({:new_fields}, :owner, :now, :now, :never, 0, :monotonic, :boot_id, :now, -1)
