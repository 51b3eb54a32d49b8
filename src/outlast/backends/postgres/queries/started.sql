-- The number of the session that was started last, and how many may be at work and come back.
SELECT last_value AS started, (SELECT coalesce(sum(concurrency), 0) FROM workers) AS at_work FROM analysis_sessions_number_seq
