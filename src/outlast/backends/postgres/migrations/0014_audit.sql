-- Processes that know the schema up to number 9 may still run.
-- What operators and commands did.
CREATE TABLE audit (
    id text NOT NULL PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    detail text NOT NULL
);

CREATE INDEX audit_by_time ON audit (at, id);

-- Sums of the counts for monitoring at a minute, for pictures of the last days.
CREATE TABLE metric_samples (
    minute bigint NOT NULL PRIMARY KEY, -- since the epoch
    counts text NOT NULL -- JSON
);
