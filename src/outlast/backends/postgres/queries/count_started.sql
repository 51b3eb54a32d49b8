-- The number of the newest session, and how many sessions workers process at most: they may become pending again.
SELECT last_value AS started, (SELECT coalesce(sum(concurrency), 0) FROM workers) AS concurrency FROM analysis_sessions_number_seq
