-- Starts try the same lock, shared, so that they are refused at once while the tables are locked for a copy.
SELECT pg_advisory_xact_lock(7308, 'analysis_sessions'::regclass::oid::integer)
