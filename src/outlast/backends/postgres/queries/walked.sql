-- The time, and how many index entries, alive or not, this connection has walked over that is not in the statistics yet.
SELECT clock_timestamp() AS at, sum(pg_stat_get_xact_tuples_returned(indexrelid))::bigint AS entries
FROM pg_index WHERE indrelid = 'analysis_sessions'::regclass
