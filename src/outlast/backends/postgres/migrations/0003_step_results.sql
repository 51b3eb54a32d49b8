-- Results of steps by the call that made them. Older processes still write `kept_steps`; nothing here reads it.
CREATE TABLE step_results (
    session_id text NOT NULL REFERENCES analysis_sessions (id) ON DELETE CASCADE,
    call text NOT NULL, -- a hash of the step's name, its version, the call's key and its number
    step text NOT NULL,
    result text NOT NULL,
    duration_ms bigint NOT NULL,
    PRIMARY KEY (session_id, call)
) WITH (autovacuum_vacuum_scale_factor = 0.02);
