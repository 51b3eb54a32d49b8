CREATE TABLE analysis_sessions (
    id text NOT NULL PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY, -- in the order of their starts
    user_session text NOT NULL, -- hash of the owner
    analysis text NOT NULL,
    subject text NOT NULL,
    status text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'processing', 'completed', 'failed', 'cancelled')),
    current_step integer NOT NULL DEFAULT 0, -- these three as of the last claim's end: see session_progress
    total_steps integer NOT NULL,
    progress_percentage double precision NOT NULL DEFAULT 0,
    current_message text,
    error text,
    error_code text,
    reference text,
    redirect_url text,
    result_bytes bigint,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    started_at timestamptz,
    completed_at timestamptz,
    cancel_requested_at timestamptz,
    queue text NOT NULL,
    priority integer NOT NULL,
    available_at timestamptz NOT NULL,
    ready smallint NOT NULL DEFAULT 1, -- 0: waits for available_at, 1: its time has come, 2: that of a suspect
    offered_at timestamptz, -- when a fleet was told of it last, since it waits
    version bigint NOT NULL,
    claim bigint NOT NULL DEFAULT 0,
    worker_id text,
    deadline timestamptz,
    attempt integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    max_attempts integer NOT NULL,
    crashes integer NOT NULL DEFAULT 0,
    timeout double precision NOT NULL,
    end_digest bytea, -- of the claim and end written last, to know its repetition by
    steps text NOT NULL,
    input text NOT NULL,
    CHECK ((status = 'processing') = (worker_id IS NOT NULL)),
    CHECK ((status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL)),
    CHECK ((status = 'completed') = (progress_percentage = 100)),
    CHECK (progress_percentage BETWEEN 0 AND 100),
    CHECK (status <> 'pending' OR cancel_requested_at IS NULL)
) WITH (
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.1,
    autovacuum_analyze_scale_factor = 0.05,
    autovacuum_vacuum_cost_delay = 1
);

CREATE INDEX sessions_by_owner ON analysis_sessions (user_session, created_at);
CREATE INDEX sessions_by_status ON analysis_sessions (status, created_at);

CREATE UNIQUE INDEX sessions_in_flight ON analysis_sessions (user_session, analysis, subject)
WHERE status IN ('pending', 'processing') AND cancel_requested_at IS NULL;

CREATE INDEX sessions_cancelling ON analysis_sessions (user_session)
WHERE status IN ('pending', 'processing') AND cancel_requested_at IS NOT NULL;

CREATE INDEX sessions_claimable ON analysis_sessions (queue, analysis, priority DESC, available_at, number)
WHERE status = 'pending' AND ready = 1;

CREATE INDEX sessions_suspect ON analysis_sessions (queue, analysis, number)
WHERE status = 'pending' AND ready = 2;

CREATE INDEX sessions_postponed ON analysis_sessions (available_at)
WHERE status = 'pending' AND ready = 0;

CREATE INDEX sessions_to_offer ON analysis_sessions (offered_at NULLS FIRST)
WHERE status = 'pending' AND ready > 0;

CREATE INDEX sessions_held ON analysis_sessions (worker_id)
WHERE status = 'processing';

CREATE INDEX sessions_by_deadline ON analysis_sessions (deadline)
WHERE status = 'processing';

CREATE INDEX sessions_by_end ON analysis_sessions (completed_at)
WHERE completed_at IS NOT NULL;

CREATE FUNCTION refuse_to_leave_completed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a completed session is final';
END
$$;

CREATE TRIGGER completed_is_final BEFORE UPDATE ON analysis_sessions
FOR EACH ROW WHEN (old.status = 'completed' AND new.status <> 'completed')
EXECUTE FUNCTION refuse_to_leave_completed();

-- What changes several times a second, in a small table without other indexes, so that each change finds room beside
-- its old version (HOT). A row is there from the first report of a claim until the session's own row changes: then it
-- is folded into that. Its version is never less than the session's.
CREATE TABLE session_progress (
    session_id text NOT NULL PRIMARY KEY REFERENCES analysis_sessions (id) ON DELETE CASCADE,
    claim bigint NOT NULL,
    version bigint NOT NULL,
    progress_percentage double precision NOT NULL,
    current_step integer NOT NULL,
    current_message text,
    steps text NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 10000,
    autovacuum_vacuum_cost_delay = 0
);

CREATE TABLE attempts (
    session_id text NOT NULL REFERENCES analysis_sessions (id) ON DELETE CASCADE,
    claim bigint NOT NULL,
    attempt integer NOT NULL,
    worker_id text NOT NULL,
    ended text NOT NULL
        CHECK (ended IN ('completed', 'failed', 'postponed', 'released', 'crashed', 'cancelled')),
    ended_at timestamptz NOT NULL,
    error text,
    reference text,
    PRIMARY KEY (session_id, claim)
);

CREATE TABLE kept_steps (
    session_id text NOT NULL REFERENCES analysis_sessions (id) ON DELETE CASCADE,
    step text NOT NULL,
    occurrence integer NOT NULL,
    version integer NOT NULL,
    result text NOT NULL,
    duration_ms bigint NOT NULL,
    PRIMARY KEY (session_id, step, occurrence)
) WITH (autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE results (
    session_id text NOT NULL PRIMARY KEY, -- which may be gone
    user_session text NOT NULL,
    analysis text NOT NULL,
    subject text NOT NULL,
    redirect_url text,
    completed_at timestamptz NOT NULL,
    share text UNIQUE, -- the link by which others may read it
    result text NOT NULL
);

CREATE INDEX results_by_owner ON results (user_session);
CREATE INDEX results_by_end ON results (completed_at);

CREATE TABLE step_statistics (
    analysis text NOT NULL,
    step text NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY, -- grows with each duration learnt
    duration_ms bigint NOT NULL,
    PRIMARY KEY (analysis, step, number)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE workers (
    id text NOT NULL PRIMARY KEY,
    host text NOT NULL,
    pid integer NOT NULL,
    queues text [] NOT NULL,
    analyses text [] NOT NULL,
    concurrency integer NOT NULL,
    started_at timestamptz NOT NULL,
    beat_at timestamptz NOT NULL,
    lease_until timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

CREATE TABLE uploads (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_session text NOT NULL,
    sha256 text, -- NULL until it is whole
    name text NOT NULL,
    bytes bigint NOT NULL DEFAULT 0,
    used_at timestamptz NOT NULL,
    UNIQUE (user_session, sha256)
);

CREATE INDEX uploads_by_use ON uploads (used_at);

CREATE TABLE upload_chunks (
    upload_id bigint NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    number integer NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (upload_id, number)
);

ALTER TABLE upload_chunks ALTER COLUMN content SET STORAGE EXTERNAL;

-- The keys of the processes that may use this store, by fingerprint.
CREATE TABLE enrolled_keys (
    fingerprint text NOT NULL PRIMARY KEY,
    enrolled_at timestamptz NOT NULL
);

-- Written by nobody but the check that the store can write.
CREATE TABLE pulse (
    only_row integer PRIMARY KEY CHECK (only_row = 1),
    checked_at timestamptz
);

INSERT INTO pulse VALUES (1, NULL);

-- One start, within its limits whatever happens beside it. `answer` is 'added', 'existing' (`known` is that session,
-- or the very one that is to be added, whose first answer was lost), 'too_many_active' or 'queue_full' (`counted`).
-- Not `exact`: the caller knows that far fewer wait than may, so they are not counted.
CREATE FUNCTION start_session(
    new_id text, new_owner text, new_analysis text, new_subject text, new_input text, new_queue text,
    new_priority integer, new_steps text, new_total_steps integer, new_max_attempts integer,
    new_timeout double precision, active_limit integer, pending_limit integer, exact boolean,
    OUT answer text, OUT known text, OUT counted bigint, OUT started timestamptz, OUT new_version bigint
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(new_owner, 7308895118470));
    LOOP
        SELECT s.id INTO known FROM analysis_sessions AS s
        WHERE
            s.user_session = new_owner AND s.analysis = new_analysis AND s.subject = new_subject
            AND s.status IN ('pending', 'processing') AND s.cancel_requested_at IS NULL;
        IF NOT FOUND THEN
            SELECT s.id INTO known FROM analysis_sessions AS s WHERE s.id = new_id;
        END IF;
        IF FOUND THEN
            answer := 'existing';
            RETURN;
        END IF;
        SELECT
            (
                SELECT count(*) FROM analysis_sessions AS s
                WHERE
                    s.user_session = new_owner
                    AND s.status IN ('pending', 'processing') AND s.cancel_requested_at IS NULL
            ) + (
                SELECT count(*) FROM analysis_sessions AS s
                WHERE
                    s.user_session = new_owner
                    AND s.status IN ('pending', 'processing') AND s.cancel_requested_at IS NOT NULL
            ) INTO counted;
        IF counted >= active_limit THEN
            answer := 'too_many_active';
            RETURN;
        END IF;
        IF exact THEN
            PERFORM pg_advisory_xact_lock(7308895118471);
            SELECT count(*) INTO counted FROM (
                SELECT FROM analysis_sessions AS s WHERE s.status = 'pending' LIMIT pending_limit
            ) AS waiting;
            IF counted >= pending_limit THEN
                answer := 'queue_full';
                RETURN;
            END IF;
        END IF;
        started := clock_timestamp();
        new_version := floor(extract(EPOCH FROM started) * 1000);
        INSERT INTO analysis_sessions (
            id, user_session, analysis, subject, input, queue, priority, steps, total_steps, max_attempts, timeout,
            created_at, updated_at, available_at, offered_at, version
        )
        VALUES (
            new_id, new_owner, new_analysis, new_subject, new_input, new_queue, new_priority, new_steps,
            new_total_steps, new_max_attempts, new_timeout, started, started, started, started,
            new_version
        )
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            answer := 'added';
            RETURN;
        END IF;
        -- another verb was quicker: it is found now
    END LOOP;
END
$$;
