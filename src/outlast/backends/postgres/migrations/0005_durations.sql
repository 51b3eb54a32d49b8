-- How long a session has waited and has been worked on, up to `timed_from` (NULL: nothing is counted yet). Workers
-- measure attempts on their monotonic clocks; waits are by the clock of the database, and never negative.
ALTER TABLE analysis_sessions
ADD COLUMN waited_ms bigint NOT NULL DEFAULT 0,
ADD COLUMN worked_ms bigint NOT NULL DEFAULT 0,
ADD COLUMN timed_from timestamptz;
