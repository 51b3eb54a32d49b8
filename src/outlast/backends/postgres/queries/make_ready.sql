-- `ready` is 0 before `available_at`, 1 from then on, and 2 for a suspect from then on.
UPDATE analysis_sessions SET ready = CASE WHEN crashes >= 2 THEN 2 ELSE 1 END
WHERE id = ANY(ARRAY(
    SELECT id FROM analysis_sessions
    WHERE status = 'pending' AND ready = 0 AND available_at <= (SELECT clock_timestamp())
    ORDER BY available_at
    LIMIT 10000
    FOR UPDATE SKIP LOCKED
))
