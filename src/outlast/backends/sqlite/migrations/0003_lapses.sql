-- A lease lapses when `beat` has not changed for a while as an observer saw it; versions before this one move
-- `lease_until` alone, so observers look at both.
ALTER TABLE workers ADD COLUMN beat INTEGER NOT NULL DEFAULT 0;

-- How many leases lapsed with the session whose worker has not come back.
ALTER TABLE analysis_sessions ADD COLUMN lapses INTEGER NOT NULL DEFAULT 0;

-- `analysis_sessions.deadline` is not written any more: a worker's lease thread ends what takes too long. The column
-- and its index stay, because processes of earlier versions read them; they pass over NULL.

-- Another word in `ended`, and how the worker of a crash died. SQLite changes no CHECK, so the table is made anew.
CREATE TABLE attempts_with_lapses (
    session_id TEXT NOT NULL REFERENCES analysis_sessions (id) ON DELETE CASCADE,
    claim INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    worker_id TEXT NOT NULL,
    ended TEXT NOT NULL
        CHECK (ended IN ('completed', 'failed', 'postponed', 'released', 'crashed', 'lapsed', 'cancelled')),
    ended_at TEXT NOT NULL,
    error TEXT,
    reference TEXT,
    cause TEXT,
    PRIMARY KEY (session_id, claim)
) STRICT, WITHOUT ROWID;

INSERT INTO attempts_with_lapses (session_id, claim, attempt, worker_id, ended, ended_at, error, reference)
SELECT session_id, claim, attempt, worker_id, ended, ended_at, error, reference FROM attempts;

DROP TABLE attempts;

ALTER TABLE attempts_with_lapses RENAME TO attempts;

-- For a worker that comes back.
CREATE INDEX attempts_lapsed ON attempts (worker_id) WHERE ended = 'lapsed';
