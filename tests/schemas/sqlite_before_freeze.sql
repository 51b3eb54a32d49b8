-- Times are text, UTC, `YYYY-MM-DD HH:MM:SS.ffffff`, so that SQLite's own date functions and people's queries work.

CREATE TABLE analysis_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    user_session TEXT NOT NULL, -- hash of the owner
    analysis TEXT NOT NULL,
    subject TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'processing', 'completed', 'failed', 'cancelled')),
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
    version INTEGER NOT NULL,
    claim INTEGER NOT NULL DEFAULT 0,
    worker_id TEXT,
    deadline REAL, -- on the lease clock of its worker
    attempt INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    max_attempts INTEGER NOT NULL,
    crashes INTEGER NOT NULL DEFAULT 0,
    timeout REAL NOT NULL,
    end_digest BLOB, -- of the claim and end written last, to know its repetition by
    steps TEXT NOT NULL,
    input TEXT, -- NULL: in large_inputs, so that progress does not write it again and again
    CHECK ((status = 'processing') = (worker_id IS NOT NULL)),
    CHECK ((status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL)),
    CHECK ((status = 'completed') = (progress_percentage = 100)),
    CHECK (progress_percentage BETWEEN 0 AND 100),
    CHECK (status <> 'pending' OR cancel_requested_at IS NULL)
) STRICT;

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

CREATE INDEX sessions_postponed ON analysis_sessions (available_at)
WHERE status = 'pending' AND ready = 0;

CREATE INDEX sessions_held ON analysis_sessions (worker_id)
WHERE status = 'processing';

CREATE INDEX sessions_by_deadline ON analysis_sessions (deadline)
WHERE status = 'processing';

CREATE INDEX sessions_by_end ON analysis_sessions (completed_at)
WHERE completed_at IS NOT NULL;

CREATE TRIGGER completed_is_final BEFORE UPDATE OF status ON analysis_sessions
WHEN old.status = 'completed' AND new.status <> 'completed'
BEGIN
    SELECT raise(ABORT, 'a completed session is final');
END;

CREATE TABLE large_inputs (
    session_id TEXT NOT NULL PRIMARY KEY REFERENCES analysis_sessions (id) ON DELETE CASCADE,
    input TEXT NOT NULL
) STRICT;

-- How many sessions are pending, so that no start has to count them.
CREATE TABLE waiting (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    sessions INTEGER NOT NULL
) STRICT;

INSERT INTO waiting VALUES (1, 0);

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

CREATE TABLE attempts (
    session_id TEXT NOT NULL REFERENCES analysis_sessions (id) ON DELETE CASCADE,
    claim INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    worker_id TEXT NOT NULL,
    ended TEXT NOT NULL
        CHECK (ended IN ('completed', 'failed', 'postponed', 'released', 'crashed', 'cancelled')),
    ended_at TEXT NOT NULL,
    error TEXT,
    reference TEXT,
    PRIMARY KEY (session_id, claim)
) STRICT, WITHOUT ROWID;

CREATE TABLE kept_steps (
    session_id TEXT NOT NULL REFERENCES analysis_sessions (id) ON DELETE CASCADE,
    step TEXT NOT NULL,
    occurrence INTEGER NOT NULL,
    version INTEGER NOT NULL,
    result TEXT NOT NULL,
    duration_ms INTEGER NOT NULL,
    PRIMARY KEY (session_id, step, occurrence)
) STRICT;

CREATE TABLE results (
    session_id TEXT NOT NULL PRIMARY KEY, -- which may be gone
    user_session TEXT NOT NULL,
    analysis TEXT NOT NULL,
    subject TEXT NOT NULL,
    redirect_url TEXT,
    completed_at TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    result TEXT NOT NULL
) STRICT;

CREATE INDEX results_by_owner ON results (user_session);
CREATE INDEX results_by_end ON results (completed_at);

CREATE TABLE step_statistics (
    analysis TEXT NOT NULL,
    step TEXT NOT NULL,
    number INTEGER NOT NULL, -- grows with each duration learnt
    duration_ms INTEGER NOT NULL,
    PRIMARY KEY (analysis, step, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE workers (
    id TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    queues TEXT NOT NULL,
    analyses TEXT NOT NULL,
    concurrency INTEGER NOT NULL,
    started_at TEXT NOT NULL,
    beat_at TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    lease_until REAL NOT NULL -- on the monotonic clock of that boot
) STRICT;

CREATE TABLE uploads (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again, so that no reader meets another's chunks
    user_session TEXT NOT NULL,
    sha256 TEXT, -- NULL until it is whole
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL DEFAULT 0,
    used_at TEXT NOT NULL,
    UNIQUE (user_session, sha256)
) STRICT;

CREATE INDEX uploads_by_use ON uploads (used_at);

CREATE TABLE upload_chunks (
    upload_id INTEGER NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (upload_id, number)
) STRICT;

-- Written by nobody but the check that the store can write.
CREATE TABLE pulse (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    checked_at TEXT
) STRICT;

INSERT INTO pulse VALUES (1, NULL);
