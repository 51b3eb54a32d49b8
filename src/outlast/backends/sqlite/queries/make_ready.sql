-- `ready` is 0 before `available_at`, 1 from then on, and 2 for a suspect from then on.
UPDATE analysis_sessions SET ready = iif(crashes >= 2, 2, 1)
WHERE rowid IN (
    SELECT rowid FROM analysis_sessions INDEXED BY sessions_postponed
    WHERE status = 'pending' AND ready = 0 AND available_at <= :now
    ORDER BY available_at
    LIMIT 10000
)
