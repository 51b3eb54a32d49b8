-- Processes that know the schema up to number 6 may still run.
-- What operators read about an attempt, which no visitor does. NULL in lines of earlier versions.
ALTER TABLE attempts
    ADD COLUMN error_code text,
    ADD COLUMN last_step text,
    ADD COLUMN host text,
    ADD COLUMN duration_ms bigint, -- from the claim to the end
    ADD COLUMN exception text, -- a class, with its module
    ADD COLUMN exception_message text,
    ADD COLUMN traceback text;

-- By what a visitor quotes.
CREATE INDEX attempts_by_reference ON attempts (reference) WHERE reference IS NOT NULL;

-- The class of the exception that belongs to `error`, to group failures by; empty without one.
ALTER TABLE analysis_sessions ADD COLUMN exception text NOT NULL DEFAULT '';

CREATE INDEX sessions_failed ON analysis_sessions (analysis, error_code, exception, completed_at, queue)
WHERE status = 'failed';

CREATE INDEX sessions_failed_by_end ON analysis_sessions (completed_at, queue)
WHERE status = 'failed';
