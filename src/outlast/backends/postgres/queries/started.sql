-- The number of the session that was started last, and how many may be at work and come back.
SELECT last_value, (SELECT coalesce(sum(concurrency), 0) FROM workers) FROM analysis_sessions_number_seq
