-- Processes that know the schema up to number 9 may still run.
-- They run each session by itself, and the trigger below ends the sessions of a run that they end.
-- The run that a session shares with sessions of other owners. The run is a session too, whose owner is its `reuse_key`,
-- which ends with ` everybody`. As long as a session follows a run, it is pending, and its `ready` is -1, so that nothing
-- claims it.
ALTER TABLE analysis_sessions ADD COLUMN run_id text;

CREATE INDEX sessions_by_run ON analysis_sessions (run_id, created_at) WHERE run_id IS NOT NULL;

CREATE INDEX sessions_following ON analysis_sessions (created_at) WHERE status = 'pending' AND ready = -1;

CREATE INDEX sessions_shared_runs ON analysis_sessions (completed_at) WHERE right(user_session, 10) = ' everybody';

-- The sessions of a run end as it ends. Each gets a result of its own: the oldest the one that the run has stored, which
-- later starts may reuse, and the others copies of it. A result that nobody waits for any more is deleted.
CREATE FUNCTION end_sessions_of_run() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    oldest text;
    oldest_owner text;
BEGIN
    IF new.status = 'completed' THEN
        SELECT s.id, s.user_session INTO oldest, oldest_owner FROM analysis_sessions AS s
        WHERE s.run_id = new.id AND s.ready = -1
        ORDER BY s.created_at, s.number
        LIMIT 1
        FOR UPDATE;
        INSERT INTO results (session_id, user_session, analysis, subject, redirect_url, completed_at, result)
        SELECT s.id, s.user_session, s.analysis, s.subject, r.redirect_url, r.completed_at, r.result
        FROM results AS r CROSS JOIN analysis_sessions AS s
        WHERE r.session_id = new.id AND s.run_id = new.id AND s.ready = -1 AND s.id <> oldest;
        IF oldest IS NULL THEN
            DELETE FROM results WHERE session_id = new.id;
        ELSE
            UPDATE results SET session_id = oldest, user_session = oldest_owner WHERE session_id = new.id;
        END IF;
    END IF;
    UPDATE analysis_sessions AS s SET
        status = new.status,
        ready = 1,
        queue = new.queue,
        priority = new.priority,
        available_at = new.available_at,
        started_at = CASE WHEN new.started_at IS NOT NULL THEN greatest(new.started_at, s.created_at) END,
        completed_at = greatest(new.completed_at, s.created_at),
        cancel_requested_at = new.cancel_requested_at,
        waited_ms = s.waited_ms + greatest(
            0, extract(EPOCH FROM new.updated_at - coalesce(s.timed_from, s.created_at)) * 1000
        )::bigint,
        timed_from = new.updated_at,
        attempt = new.attempt,
        max_attempts = new.max_attempts,
        crashes = new.crashes,
        lapses = new.lapses,
        progress_percentage = greatest(s.progress_percentage, new.progress_percentage),
        current_step = new.current_step,
        current_message = new.current_message,
        steps = new.steps,
        error = new.error,
        error_code = new.error_code,
        reference = new.reference,
        exception = new.exception,
        asked = new.asked,
        redirect_url = new.redirect_url,
        result_bytes = new.result_bytes,
        result_of = nullif(oldest, s.id),
        updated_at = new.updated_at,
        version = greatest(s.version + 1, new.version)
    WHERE s.run_id = new.id AND s.ready = -1;
    RETURN NULL;
END
$$;

CREATE TRIGGER sessions_end_with_their_run AFTER UPDATE ON analysis_sessions
FOR EACH ROW WHEN (
    old.completed_at IS NULL AND new.completed_at IS NOT NULL AND right(new.user_session, 10) = ' everybody'
)
EXECUTE FUNCTION end_sessions_of_run();

-- As before; sessions that follow a run do not wait for a worker, and runs of everybody do not wait for each other.
CREATE OR REPLACE FUNCTION start_session(
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
        IF new_delay = 0 AND (active_limit IS NULL OR counted > 0) AND right(new_owner, 10) <> ' everybody' THEN
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
                SELECT FROM analysis_sessions AS s
                WHERE s.status = 'pending' AND s.ready >= 0
                LIMIT pending_limit
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

-- One start of a session that shares a run, as `start_session`. Its `run` is the one of everybody in flight, which cannot
-- end before this transaction, or the new one with the id `new_run`, if it is `created`.
CREATE FUNCTION join_run(
    new_id text, new_owner text, new_analysis text, new_subject text, new_input text, new_queue text,
    new_priority integer, new_steps text, new_total_steps integer, new_max_attempts integer,
    new_timeout double precision, active_limit integer, pending_limit integer, exact boolean,
    new_limits text, new_traceparent text, new_key text, new_run text,
    OUT answer text, OUT known text, OUT counted bigint, OUT run text, OUT created boolean
) LANGUAGE plpgsql AS $$
DECLARE
    started record;
    moment timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(new_owner, 7308895118470));
    created := FALSE;
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
        LOOP
            SELECT s.id INTO run FROM analysis_sessions AS s
            WHERE
                s.user_session = new_key AND s.analysis = new_analysis AND s.subject = new_subject
                AND session_in_flight(s.status) AND s.cancel_requested_at IS NULL
            FOR SHARE;
            EXIT WHEN FOUND;
            SELECT * INTO started FROM start_session(
                new_run, new_key, new_analysis, new_subject, new_input, new_queue, new_priority, new_steps,
                new_total_steps, new_max_attempts, new_timeout, NULL, pending_limit, exact, new_limits, 0
            );
            IF started.answer = 'queue_full' THEN
                answer := 'queue_full';
                counted := started.counted;
                RETURN;
            END IF;
            IF started.answer = 'added' THEN
                UPDATE analysis_sessions SET traceparent = new_traceparent, reuse_key = new_key WHERE id = new_run;
                run := new_run;
                created := TRUE;
                EXIT;
            END IF;
            -- another start was quicker: its run is found now
        END LOOP;
        moment := clock_timestamp();
        INSERT INTO analysis_sessions (
            id, user_session, analysis, subject, input, queue, priority, steps, total_steps, max_attempts, timeout,
            limits, traceparent, reuse_key, run_id, created_at, updated_at, available_at, version, turn_at, ready
        )
        VALUES (
            new_id, new_owner, new_analysis, new_subject, new_input, new_queue, new_priority, new_steps,
            new_total_steps, new_max_attempts, new_timeout, new_limits, new_traceparent, new_key, run, moment, moment,
            '9999-12-31 00:00:00+00', 0, moment, -1
        )
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            answer := 'added';
            RETURN;
        END IF;
        -- a retry was quicker: it is found now
    END LOOP;
END
$$;
