-- Processes that know the schema up to number 5 may still run.
-- Every CHECK gets a name, by which a later migration can replace it in place (ALTER TABLE … DROP CONSTRAINT). A CHECK
-- without one can only be replaced with its table, so these tables are made anew, for the last time; nothing else of
-- them changes. Foreign keys are off meanwhile, so that what refers to a session stays.

DROP TRIGGER no_link_when_shut;

CREATE TABLE named_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    user_session TEXT NOT NULL, -- hash of the owner
    analysis TEXT NOT NULL,
    subject TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending',
    current_step INTEGER NOT NULL DEFAULT 0,
    total_steps INTEGER GENERATED ALWAYS AS (json_array_length(steps)) VIRTUAL,
    progress_percentage REAL NOT NULL DEFAULT 0,
    current_message TEXT,
    error TEXT,
    error_code TEXT,
    reference TEXT,
    redirect_url TEXT,
    result_bytes INTEGER,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    started_at TEXT,
    completed_at TEXT,
    cancel_requested_at TEXT,
    queue TEXT NOT NULL,
    priority INTEGER NOT NULL,
    available_at TEXT NOT NULL,
    ready INTEGER NOT NULL DEFAULT 1, -- 0: waits for available_at, 1: its time has come, 2: that of a suspect
    offered_at TEXT, -- to a fleet behind a broker; NULL: not since it became available
    version INTEGER NOT NULL,
    claim INTEGER NOT NULL DEFAULT 0,
    worker_id TEXT,
    deadline REAL, -- not written any more: see 0003
    attempt INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL,
    crashes INTEGER NOT NULL DEFAULT 0,
    timeout REAL NOT NULL,
    end_digest BLOB, -- of the claim and end written last, to know its repetition by
    steps TEXT NOT NULL,
    input TEXT, -- NULL: in large_inputs, so that progress does not write it again and again
    lapses INTEGER NOT NULL DEFAULT 0,
    waited_ms INTEGER NOT NULL DEFAULT 0,
    worked_ms INTEGER NOT NULL DEFAULT 0,
    timed_from REAL,
    timed_boot TEXT,
    CONSTRAINT session_status_known CHECK (status IN ('pending', 'processing', 'completed', 'failed', 'cancelled')),
    CONSTRAINT session_attempt_counted CHECK (attempt >= 0),
    CONSTRAINT session_held_at_work CHECK ((status = 'processing') = (worker_id IS NOT NULL)),
    CONSTRAINT session_end_dated CHECK ((status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL)),
    CONSTRAINT session_whole_when_completed CHECK ((status = 'completed') = (progress_percentage = 100)),
    CONSTRAINT session_percentage CHECK (progress_percentage BETWEEN 0 AND 100),
    CONSTRAINT session_waits_uncancelled CHECK (status <> 'pending' OR cancel_requested_at IS NULL)
) STRICT;

INSERT INTO named_sessions (
    rowid, id, user_session, analysis, subject, status, current_step, progress_percentage, current_message, error,
    error_code, reference, redirect_url, result_bytes, created_at, updated_at, started_at, completed_at,
    cancel_requested_at, queue, priority, available_at, ready, offered_at, version, claim, worker_id, deadline, attempt,
    max_attempts, crashes, timeout, end_digest, steps, input, lapses, waited_ms, worked_ms, timed_from, timed_boot
)
SELECT
    rowid, id, user_session, analysis, subject, status, current_step, progress_percentage, current_message, error,
    error_code, reference, redirect_url, result_bytes, created_at, updated_at, started_at, completed_at,
    cancel_requested_at, queue, priority, available_at, ready, offered_at, version, claim, worker_id, deadline, attempt,
    max_attempts, crashes, timeout, end_digest, steps, input, lapses, waited_ms, worked_ms, timed_from, timed_boot
FROM analysis_sessions
ORDER BY rowid;

DROP TABLE analysis_sessions;

CREATE TABLE named_attempts (
    session_id TEXT NOT NULL REFERENCES analysis_sessions (id) ON DELETE CASCADE,
    claim INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    worker_id TEXT NOT NULL,
    ended TEXT NOT NULL,
    ended_at TEXT NOT NULL,
    error TEXT,
    reference TEXT,
    cause TEXT,
    PRIMARY KEY (session_id, claim),
    CONSTRAINT attempt_end_known
    CHECK (ended IN ('completed', 'failed', 'postponed', 'released', 'crashed', 'lapsed', 'cancelled'))
) STRICT, WITHOUT ROWID;

INSERT INTO named_attempts (session_id, claim, attempt, worker_id, ended, ended_at, error, reference, cause)
SELECT session_id, claim, attempt, worker_id, ended, ended_at, error, reference, cause FROM attempts;

DROP TABLE attempts;

CREATE TABLE named_waiting (
    only_row INTEGER PRIMARY KEY,
    sessions INTEGER NOT NULL,
    CONSTRAINT waiting_only_row CHECK (only_row = 1)
) STRICT;

INSERT INTO named_waiting (only_row, sessions) SELECT only_row, sessions FROM waiting;

DROP TABLE waiting;

CREATE TABLE named_pulse (
    only_row INTEGER PRIMARY KEY,
    checked_at TEXT,
    CONSTRAINT pulse_only_row CHECK (only_row = 1)
) STRICT;

INSERT INTO named_pulse (only_row, checked_at) SELECT only_row, checked_at FROM pulse;

DROP TABLE pulse;

CREATE TABLE named_door (
    only_row INTEGER PRIMARY KEY,
    shut_because TEXT,
    filling INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT door_only_row CHECK (only_row = 1)
) STRICT;

INSERT INTO named_door (only_row, shut_because, filling) SELECT only_row, shut_because, filling FROM door;

DROP TABLE door;

ALTER TABLE named_sessions RENAME TO analysis_sessions;
ALTER TABLE named_attempts RENAME TO attempts;
ALTER TABLE named_waiting RENAME TO waiting;
ALTER TABLE named_pulse RENAME TO pulse;
ALTER TABLE named_door RENAME TO door;

-- As they were.

CREATE INDEX sessions_by_owner ON analysis_sessions (user_session, created_at);
CREATE INDEX sessions_by_status ON analysis_sessions (status, created_at);

CREATE UNIQUE INDEX sessions_in_flight ON analysis_sessions (user_session, analysis, subject)
WHERE status IN ('pending', 'processing') AND cancel_requested_at IS NULL;

CREATE INDEX sessions_cancelling ON analysis_sessions (user_session)
WHERE status IN ('pending', 'processing') AND cancel_requested_at IS NOT NULL;

CREATE INDEX sessions_claimable ON analysis_sessions (queue, analysis, priority DESC, available_at)
WHERE status = 'pending' AND ready = 1;

CREATE INDEX sessions_suspect ON analysis_sessions (queue, analysis, priority)
WHERE status = 'pending' AND ready = 2;

CREATE INDEX sessions_by_offer ON analysis_sessions (offered_at)
WHERE status = 'pending' AND ready > 0;

CREATE INDEX sessions_postponed ON analysis_sessions (available_at)
WHERE status = 'pending' AND ready = 0;

CREATE INDEX sessions_held ON analysis_sessions (worker_id)
WHERE status = 'processing';

CREATE INDEX sessions_by_deadline ON analysis_sessions (deadline)
WHERE status = 'processing';

CREATE INDEX sessions_by_end ON analysis_sessions (completed_at)
WHERE completed_at IS NOT NULL;

CREATE INDEX attempts_lapsed ON attempts (worker_id) WHERE ended = 'lapsed';

CREATE TRIGGER completed_is_final BEFORE UPDATE OF status ON analysis_sessions
WHEN old.status = 'completed' AND new.status <> 'completed'
BEGIN
    SELECT raise(ABORT, 'a completed session is final');
END;

CREATE TRIGGER waits_when_added AFTER INSERT ON analysis_sessions
WHEN new.status = 'pending'
BEGIN
    UPDATE waiting SET sessions = sessions + 1;
END;

CREATE TRIGGER waits_again AFTER UPDATE OF status ON analysis_sessions
WHEN new.status = 'pending' AND old.status <> 'pending'
BEGIN
    UPDATE waiting SET sessions = sessions + 1;
END;

CREATE TRIGGER waits_no_more AFTER UPDATE OF status ON analysis_sessions
WHEN old.status = 'pending' AND new.status <> 'pending'
BEGIN
    UPDATE waiting SET sessions = sessions - 1;
END;

CREATE TRIGGER waits_no_more_when_deleted AFTER DELETE ON analysis_sessions
WHEN old.status = 'pending'
BEGIN
    UPDATE waiting SET sessions = sessions - 1;
END;

CREATE TRIGGER no_start_when_shut BEFORE INSERT ON analysis_sessions
WHEN (SELECT shut_because IS NOT NULL AND NOT filling FROM door)
BEGIN
    SELECT raise(ABORT, 'the store is shut');
END;

CREATE TRIGGER no_change_when_shut BEFORE UPDATE ON analysis_sessions
WHEN (SELECT shut_because IS NOT NULL AND NOT filling FROM door)
BEGIN
    SELECT raise(ABORT, 'the store is shut');
END;

CREATE TRIGGER no_link_when_shut BEFORE UPDATE OF share ON results
WHEN (SELECT shut_because IS NOT NULL AND NOT filling FROM door)
BEGIN
    SELECT raise(ABORT, 'the store is shut');
END;
