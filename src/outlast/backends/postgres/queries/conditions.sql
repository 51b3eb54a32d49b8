-- Whether claims have to look at sessions with limits, and what is paused.
SELECT
    EXISTS (SELECT FROM analysis_sessions WHERE status = 'pending' AND ready = 3)
    OR EXISTS (SELECT FROM analysis_sessions WHERE status = 'pending' AND ready = 2 AND limits IS NOT NULL)
    OR EXISTS (SELECT FROM limit_keys WHERE wake_at <= (SELECT clock_timestamp())) AS limited,
    ARRAY(SELECT kind || ' ' || name FROM pauses) AS pauses
