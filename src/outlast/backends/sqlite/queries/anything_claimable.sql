SELECT
    EXISTS (SELECT 1 FROM analysis_sessions WHERE status = 'pending' AND ready = 1 AND crashes < 2)
    OR EXISTS (SELECT 1 FROM analysis_sessions WHERE status = 'pending' AND ready = 1 AND crashes >= 2)
    OR EXISTS (
        SELECT 1 FROM analysis_sessions WHERE status = 'pending' AND ready = 0 AND available_at <= :now
    )
