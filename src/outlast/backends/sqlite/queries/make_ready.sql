UPDATE analysis_sessions SET ready = 1
WHERE rowid IN (
    SELECT rowid FROM analysis_sessions
    WHERE status = 'pending' AND ready = 0 AND available_at <= :now
    ORDER BY available_at
    LIMIT 10000
)
