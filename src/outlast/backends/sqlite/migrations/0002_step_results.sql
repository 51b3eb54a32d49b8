-- Results of steps by the call that made them. Older processes still write `kept_steps`; nothing here reads it.
CREATE TABLE step_results (
    session_id TEXT NOT NULL REFERENCES analysis_sessions (id) ON DELETE CASCADE,
    call TEXT NOT NULL, -- a hash of the step's name, its version, the call's key and its number
    step TEXT NOT NULL,
    result TEXT NOT NULL,
    duration_ms INTEGER NOT NULL,
    PRIMARY KEY (session_id, call)
) STRICT;
