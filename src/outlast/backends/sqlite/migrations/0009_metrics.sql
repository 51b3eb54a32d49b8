-- Processes that know the schema up to number 6 may still run.
-- Counters and histograms for monitoring: every process adds what it counted, about once a second.
CREATE TABLE metric_counts (
    metric TEXT NOT NULL,
    labels TEXT NOT NULL, -- a JSON array
    value REAL NOT NULL,
    PRIMARY KEY (metric, labels)
) STRICT, WITHOUT ROWID;

-- The trace of the request that started the session, as W3C's traceparent, so that its attempts belong to it.
ALTER TABLE analysis_sessions ADD COLUMN traceparent TEXT;
