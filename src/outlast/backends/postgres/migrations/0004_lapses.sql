-- A lease lapses when `beat` has not changed for a while as an observer saw it; versions before this one move
-- `lease_until` alone, so observers look at both.
ALTER TABLE workers ADD COLUMN beat bigint NOT NULL DEFAULT 0;

-- How many leases lapsed with the session whose worker has not come back.
ALTER TABLE analysis_sessions ADD COLUMN lapses integer NOT NULL DEFAULT 0;

-- `analysis_sessions.deadline` is not written any more: a worker's lease thread ends what takes too long. The column
-- and its index stay, because processes of earlier versions read them; they pass over NULL.

-- Another word in `ended`; every row there is keeps the narrower rule. `cause`: how the worker of a crash died.
ALTER TABLE attempts DROP CONSTRAINT attempts_ended_check;
ALTER TABLE attempts ADD CONSTRAINT attempts_ended_check
CHECK (ended IN ('completed', 'failed', 'postponed', 'released', 'crashed', 'lapsed', 'cancelled')) NOT VALID;
ALTER TABLE attempts ADD COLUMN cause text;

-- For a worker that comes back.
CREATE INDEX attempts_lapsed ON attempts (worker_id) WHERE ended = 'lapsed';
