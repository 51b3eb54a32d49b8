SELECT id, limits, turn_at, available_at, rowid AS number, crashes, waits_for FROM analysis_sessions
WHERE id = :id AND status = 'pending' AND limits IS NOT NULL AND (ready > 0 OR available_at <= :now)
