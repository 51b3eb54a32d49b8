SELECT
    EXISTS (
        SELECT 1 FROM analysis_sessions INDEXED BY sessions_claimable
        WHERE status = 'pending' AND ready = 1
    )
    OR EXISTS (
        SELECT 1 FROM analysis_sessions INDEXED BY sessions_limited
        WHERE status = 'pending' AND ready = 3
    )
    OR EXISTS (SELECT 1 FROM limit_keys WHERE wake_at <= :now)
    OR EXISTS (
        SELECT 1 FROM analysis_sessions INDEXED BY sessions_suspect
        WHERE status = 'pending' AND ready = 2
    )
    OR EXISTS (
        SELECT 1 FROM analysis_sessions INDEXED BY sessions_postponed
        WHERE status = 'pending' AND ready = 0 AND available_at <= :now
    )
