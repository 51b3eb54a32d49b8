-- Processes that know the schema up to number 6 may still run.
-- One start, within its limits whatever happens beside it. `answer` is 'added', 'existing' (`known` is that session,
-- or the very one that is to be added, whose first answer was lost), 'too_many_active' or 'queue_full' (`counted`).
-- Not `exact`: the caller knows that far fewer wait than may, so they are not counted. Without an `active_limit`, as of
-- trusted code, the sessions of the owner are neither counted nor locked: it may start very many, from many processes.
CREATE OR REPLACE FUNCTION start_session(
    new_id text, new_owner text, new_analysis text, new_subject text, new_input text, new_queue text,
    new_priority integer, new_steps text, new_total_steps integer, new_max_attempts integer,
    new_timeout double precision, active_limit integer, pending_limit integer, exact boolean,
    OUT answer text, OUT known text, OUT counted bigint, OUT started timestamptz, OUT new_version bigint
) LANGUAGE plpgsql AS $$
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
