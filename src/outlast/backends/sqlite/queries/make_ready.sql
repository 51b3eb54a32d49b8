-- `ready` is 0 before `available_at`; from then on 1, or 2 for a suspect, or 3 for another session with limits. A session
-- with limits waits at 4 while one of its keys has reached a limit.
UPDATE analysis_sessions SET ready = {ready_now(crashes)}
WHERE rowid IN (
    SELECT rowid FROM analysis_sessions INDEXED BY sessions_postponed
    WHERE status = 'pending' AND ready = 0 AND available_at <= :now
    ORDER BY available_at
    LIMIT 10000
)
