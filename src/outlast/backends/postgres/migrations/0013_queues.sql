-- Processes that know the schema up to number 6 may still run.
-- They claim by priority and age, without regard to turns, owners, pauses and limits; they do not claim sessions with
-- limits that wait.

-- The turn of a waiting session: see `domain/turns.py`. Processes of earlier versions insert the time, and leave it as
-- it is when a session waits again.
ALTER TABLE analysis_sessions
ADD COLUMN turn_at timestamptz,
ADD COLUMN limits text, -- JSON: a list of [key, most, per minute]
ADD COLUMN waits_for text; -- the key that has reached its limit

ALTER TABLE analysis_sessions ALTER COLUMN turn_at SET DEFAULT clock_timestamp();

CREATE FUNCTION turn_of(available_at timestamptz, priority integer) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT available_at - make_interval(hours => greatest(-1000000, least(1000000, priority)))
$$;

UPDATE analysis_sessions SET turn_at = turn_of(available_at, priority) WHERE status <> 'completed';

-- `ready` may also be 3 (has limits, and its time has come) and 4 (waits for a key that has reached its limit).
DROP INDEX sessions_claimable;

CREATE INDEX sessions_claimable ON analysis_sessions (queue, analysis, turn_at, number) INCLUDE (available_at)
WHERE status = 'pending' AND ready = 1;

CREATE INDEX sessions_limited ON analysis_sessions (queue, analysis, turn_at, number) INCLUDE (available_at)
WHERE status = 'pending' AND ready = 3;

CREATE INDEX sessions_blocked ON analysis_sessions (waits_for, turn_at, number) INCLUDE (queue, analysis, available_at)
WHERE status = 'pending' AND ready = 4;

-- The `ready` of a session whose time has come.
CREATE FUNCTION ready_now(crashes integer, limits text) RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT (CASE WHEN crashes >= 2 THEN 2 WHEN limits IS NULL THEN 1 ELSE 3 END)::smallint
$$;

-- Which keys the sessions at work have: a session has its rows here exactly while it is processing.
CREATE TABLE permits (
    key text NOT NULL,
    session_id text NOT NULL,
    PRIMARY KEY (key, session_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE INDEX permits_by_session ON permits (session_id);

-- Keys for which sessions wait, or whose rate is limited.
CREATE TABLE limit_keys (
    key text NOT NULL PRIMARY KEY,
    waiting smallint NOT NULL DEFAULT 0, -- 1: some session has `ready` = 4 because of it
    wake_at timestamptz, -- when claims look again at what waits for it
    next_at timestamptz -- when the next attempt may begin at the full rate
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE INDEX limit_keys_by_wake ON limit_keys (wake_at) WHERE wake_at IS NOT NULL;

CREATE FUNCTION take_permits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO permits (key, session_id)
    SELECT one.value ->> 0, new.id FROM json_array_elements(new.limits::json) AS one
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

-- Under the lock of claims of sessions with limits, so that none of them can wait for a key that is free meanwhile.
CREATE FUNCTION return_permits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7308, 'permits'::regclass::oid::integer);
    DELETE FROM permits WHERE session_id = new.id;
    UPDATE limit_keys SET wake_at = clock_timestamp()
    WHERE
        waiting = 1
        AND key = ANY(ARRAY(SELECT one.value ->> 0 FROM json_array_elements(new.limits::json) AS one));
    RETURN NULL;
END
$$;

CREATE TRIGGER permits_taken AFTER UPDATE ON analysis_sessions
FOR EACH ROW WHEN (new.limits IS NOT NULL AND new.status = 'processing' AND old.status <> 'processing')
EXECUTE FUNCTION take_permits();

CREATE TRIGGER permits_returned AFTER UPDATE ON analysis_sessions
FOR EACH ROW WHEN (new.limits IS NOT NULL AND new.status <> 'processing' AND old.status = 'processing')
EXECUTE FUNCTION return_permits();

CREATE TABLE pauses (
    kind text NOT NULL,
    name text NOT NULL,
    paused_at timestamptz NOT NULL,
    PRIMARY KEY (kind, name),
    CONSTRAINT pause_kind_known CHECK (kind IN ('queue', 'analysis'))
);

-- As before, with limits, a delay in seconds, and a turn behind the owner's waiting sessions: see `domain/turns.py`.
CREATE FUNCTION start_session(
    new_id text, new_owner text, new_analysis text, new_subject text, new_input text, new_queue text,
    new_priority integer, new_steps text, new_total_steps integer, new_max_attempts integer,
    new_timeout double precision, active_limit integer, pending_limit integer, exact boolean,
    new_limits text, new_delay double precision,
    OUT answer text, OUT known text, OUT counted bigint, OUT started timestamptz, OUT new_version bigint
) LANGUAGE plpgsql AS $$
DECLARE
    available timestamptz;
    turn timestamptz;
    last_turn timestamptz;
BEGIN
    IF active_limit IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended(new_owner, 7308895118470));
    END IF;
    LOOP
        SELECT s.id INTO known FROM analysis_sessions AS s
        WHERE
            s.user_session = new_owner AND s.analysis = new_analysis AND s.subject = new_subject
            AND session_in_flight(s.status) AND s.cancel_requested_at IS NULL;
        IF NOT FOUND THEN
            SELECT s.id INTO known FROM analysis_sessions AS s WHERE s.id = new_id;
        END IF;
        IF FOUND THEN
            answer := 'existing';
            RETURN;
        END IF;
        IF active_limit IS NOT NULL THEN
            SELECT
                (
                    SELECT count(*) FROM analysis_sessions AS s
                    WHERE
                        s.user_session = new_owner
                        AND session_in_flight(s.status) AND s.cancel_requested_at IS NULL
                ) + (
                    SELECT count(*) FROM analysis_sessions AS s
                    WHERE
                        s.user_session = new_owner
                        AND session_in_flight(s.status) AND s.cancel_requested_at IS NOT NULL
                ) INTO counted;
            IF counted >= active_limit THEN
                answer := 'too_many_active';
                RETURN;
            END IF;
        END IF;
        last_turn := NULL;
        IF new_delay = 0 AND (active_limit IS NULL OR counted > 0) THEN
            SELECT max(newest.turn_at) INTO last_turn FROM (
                SELECT s.turn_at, s.status, s.ready, s.available_at, s.queue, s.priority
                FROM analysis_sessions AS s
                WHERE s.user_session = new_owner
                ORDER BY s.created_at DESC
                LIMIT 4
            ) AS newest
            WHERE
                newest.status = 'pending' AND (newest.ready > 0 OR newest.available_at <= clock_timestamp())
                AND newest.queue = new_queue AND newest.priority = new_priority;
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
        available := started + make_interval(secs => new_delay);
        turn := turn_of(available, new_priority);
        IF last_turn IS NOT NULL THEN
            turn := least(
                greatest(turn, last_turn) + make_interval(hours => 1), turn + make_interval(hours => 100000)
            );
        END IF;
        new_version := floor(extract(EPOCH FROM started) * 1000);
        INSERT INTO analysis_sessions (
            id, user_session, analysis, subject, input, queue, priority, steps, total_steps, max_attempts, timeout,
            created_at, updated_at, available_at, offered_at, version, limits, turn_at, ready
        )
        VALUES (
            new_id, new_owner, new_analysis, new_subject, new_input, new_queue, new_priority, new_steps,
            new_total_steps, new_max_attempts, new_timeout, started, started, available,
            CASE WHEN new_delay = 0 THEN started END, new_version, new_limits, turn,
            CASE WHEN new_delay = 0 THEN ready_now(0, new_limits) ELSE 0 END
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
