-- Processes that know the schema up to number 6 may still run.
-- What operators and commands did.
CREATE TABLE audit (
    id TEXT NOT NULL PRIMARY KEY,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_by_time ON audit (at, id);

-- Sums of the counts for monitoring at a minute, for pictures of the last days.
CREATE TABLE metric_samples (
    minute INTEGER NOT NULL PRIMARY KEY, -- since the epoch
    counts TEXT NOT NULL -- JSON
) STRICT, WITHOUT ROWID;
