UPDATE analysis_sessions SET ready = 4, waits_for = :key WHERE id = :id AND status = 'pending'
