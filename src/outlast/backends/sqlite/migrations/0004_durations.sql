-- How long a session has waited and has been worked on, up to `timed_from`: durations by the monotonic clock of the
-- boot `timed_boot`, which no jump of the wall clock changes. NULL in rows of earlier versions.
ALTER TABLE analysis_sessions ADD COLUMN waited_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE analysis_sessions ADD COLUMN worked_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE analysis_sessions ADD COLUMN timed_from REAL;
ALTER TABLE analysis_sessions ADD COLUMN timed_boot TEXT;
