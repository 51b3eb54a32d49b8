-- Processes that know the schema up to number 9 may still run.
-- Counters and histograms for monitoring: every process adds what it counted, about once a second. The free space of
-- each page lets an update stay on it.
CREATE TABLE metric_counts (
    metric text NOT NULL,
    labels text NOT NULL, -- a JSON array
    value double precision NOT NULL,
    PRIMARY KEY (metric, labels)
) WITH (fillfactor = 50);

-- The trace of the request that started the session, as W3C's traceparent, so that its attempts belong to it.
ALTER TABLE analysis_sessions ADD COLUMN traceparent text;
