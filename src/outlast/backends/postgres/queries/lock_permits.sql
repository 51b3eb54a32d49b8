-- The lock of claims of sessions with limits, and of the ends of such sessions.
SELECT pg_advisory_xact_lock(7308, 'permits'::regclass::oid::integer)
