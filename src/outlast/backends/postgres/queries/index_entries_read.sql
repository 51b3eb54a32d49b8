-- The time, and how many index entries, dead ones included, this transaction has read so far.
SELECT clock_timestamp() AS at, sum(pg_stat_get_xact_tuples_returned(indexrelid))::bigint AS entries
FROM pg_index WHERE indrelid = 'analysis_sessions'::regclass
