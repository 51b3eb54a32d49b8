SELECT
    EXISTS (
        SELECT 1 FROM analysis_sessions INDEXED BY sessions_by_offer
        WHERE status = 'pending' AND ready > 0 AND offered_at IS NULL
    )
    OR EXISTS (
        SELECT 1 FROM analysis_sessions INDEXED BY sessions_by_offer
        WHERE status = 'pending' AND ready > 0 AND offered_at <= :again_before
    )
    OR EXISTS (
        SELECT 1 FROM analysis_sessions INDEXED BY sessions_by_offer
        WHERE status = 'pending' AND ready > 0 AND offered_at > :ahead
    )
    OR EXISTS (SELECT 1 FROM limit_keys WHERE wake_at <= :now)
    OR EXISTS (
        SELECT 1 FROM analysis_sessions INDEXED BY sessions_postponed
        WHERE status = 'pending' AND ready = 0 AND available_at <= :now
    )
