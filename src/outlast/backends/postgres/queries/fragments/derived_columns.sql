s.user_session AS owner, s.input,
CASE
    WHEN s.completed_at IS NULL
        THEN extract(EPOCH FROM clock_timestamp() - coalesce(s.timed_from, s.created_at)) * 1000
    WHEN s.timed_from IS NOT NULL THEN 0
END::double precision AS uncounted_ms
