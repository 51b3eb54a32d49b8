-- Whether a claim has to look at limits, and at pauses.
SELECT
    EXISTS (
        SELECT 1 FROM analysis_sessions INDEXED BY sessions_limited
        WHERE status = 'pending' AND ready = 3
    )
    OR EXISTS (
        SELECT 1 FROM analysis_sessions INDEXED BY sessions_suspect
        WHERE status = 'pending' AND ready = 2 AND limits IS NOT NULL
    )
    OR EXISTS (SELECT 1 FROM limit_keys WHERE wake_at <= :now) AS limited,
    EXISTS (SELECT 1 FROM pauses) AS paused
