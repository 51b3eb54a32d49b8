-- `ready` is 0 before `available_at`; from then on 1, or 2 for a suspect, or 3 for another session with limits. A session
-- with limits waits at 4 while one of its keys has reached a limit.
UPDATE analysis_sessions SET ready = ready_now(crashes, limits)
WHERE id = ANY(ARRAY(
    SELECT id FROM analysis_sessions
    WHERE status = 'pending' AND ready = 0 AND available_at <= (SELECT clock_timestamp())
    ORDER BY available_at
    LIMIT 10000
    FOR UPDATE SKIP LOCKED
))
