-- Processes that know the schema up to number 6 may still run.
-- They run each session by itself, and the trigger below ends the sessions of a run that they end.
-- The run that a session shares with sessions of other owners. The run is a session too, whose owner is its `reuse_key`,
-- which ends with ` everybody`. As long as a session follows a run, it is pending, and its `ready` is -1, so that nothing
-- claims it.
ALTER TABLE analysis_sessions ADD COLUMN run_id TEXT;

CREATE INDEX sessions_by_run ON analysis_sessions (run_id, created_at) WHERE run_id IS NOT NULL;

CREATE INDEX sessions_following ON analysis_sessions (created_at) WHERE status = 'pending' AND ready = -1;

CREATE INDEX sessions_shared_runs ON analysis_sessions (completed_at) WHERE substr(user_session, -10) = ' everybody';

-- A session that follows a run does not wait for a worker.
DROP TRIGGER waits_when_added;
DROP TRIGGER waits_again;
DROP TRIGGER waits_no_more;
DROP TRIGGER waits_no_more_when_deleted;

CREATE TRIGGER waits_when_added AFTER INSERT ON analysis_sessions
WHEN new.status = 'pending' AND new.ready >= 0
BEGIN
    UPDATE waiting SET sessions = sessions + 1;
END;

CREATE TRIGGER waits_again AFTER UPDATE OF status ON analysis_sessions
WHEN new.status = 'pending' AND old.status <> 'pending' AND new.ready >= 0
BEGIN
    UPDATE waiting SET sessions = sessions + 1;
END;

CREATE TRIGGER waits_no_more AFTER UPDATE OF status ON analysis_sessions
WHEN old.status = 'pending' AND new.status <> 'pending' AND old.ready >= 0
BEGIN
    UPDATE waiting SET sessions = sessions - 1;
END;

CREATE TRIGGER waits_no_more_when_deleted AFTER DELETE ON analysis_sessions
WHEN old.status = 'pending' AND old.ready >= 0
BEGIN
    UPDATE waiting SET sessions = sessions - 1;
END;

-- The sessions of a run end as it ends. Each gets a result of its own: the oldest the one that the run has stored, which
-- later starts may reuse, and the others copies of it. A result that nobody waits for any more is deleted.
CREATE TRIGGER sessions_end_with_their_run AFTER UPDATE OF status ON analysis_sessions
WHEN old.completed_at IS NULL AND new.completed_at IS NOT NULL AND substr(new.user_session, -10) = ' everybody'
BEGIN
    UPDATE analysis_sessions SET
        result_of = (
            SELECT o.id FROM analysis_sessions AS o
            WHERE o.run_id = new.id AND o.ready = -1
            ORDER BY o.created_at, o.rowid
            LIMIT 1
        )
    WHERE run_id = new.id AND ready = -1 AND new.status = 'completed';

    INSERT INTO results (session_id, user_session, analysis, subject, redirect_url, completed_at, bytes, result)
    SELECT s.id, s.user_session, s.analysis, s.subject, r.redirect_url, r.completed_at, r.bytes, r.result
    FROM results AS r CROSS JOIN analysis_sessions AS s
    WHERE r.session_id = new.id AND s.run_id = new.id AND s.ready = -1 AND s.id <> s.result_of;

    UPDATE results SET session_id = s.id, user_session = s.user_session
    FROM analysis_sessions AS s
    WHERE results.session_id = new.id AND s.run_id = new.id AND s.ready = -1 AND s.id = s.result_of;

    DELETE FROM results WHERE session_id = new.id;

    UPDATE analysis_sessions SET
        status = new.status,
        ready = 1,
        queue = new.queue,
        priority = new.priority,
        available_at = new.available_at,
        started_at = max(new.started_at, created_at),
        completed_at = max(new.completed_at, created_at),
        cancel_requested_at = new.cancel_requested_at,
        waited_ms = waited_ms + max(0, CAST(iif(
            timed_boot = new.timed_boot,
            (new.timed_from - timed_from) * 1000,
            (julianday(new.updated_at) - julianday(created_at)) * 86400000 - waited_ms
        ) AS INTEGER)),
        timed_from = new.timed_from,
        timed_boot = new.timed_boot,
        attempt = new.attempt,
        max_attempts = new.max_attempts,
        crashes = new.crashes,
        lapses = new.lapses,
        progress_percentage = max(progress_percentage, new.progress_percentage),
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
        result_of = nullif(result_of, id),
        updated_at = new.updated_at,
        version = max(version + 1, new.version)
    WHERE run_id = new.id AND ready = -1;
END;
