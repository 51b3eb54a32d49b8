-- Processes that know the schema up to number 5 may still run.
-- They claim by priority and age, without regard to turns, owners, pauses and limits; they do not claim sessions with
-- limits that wait.

-- The turn of a waiting session: see `domain/turns.py`. Processes of earlier versions leave it as it is when a session
-- waits again.
ALTER TABLE analysis_sessions ADD COLUMN turn_at TEXT NOT NULL DEFAULT '';
ALTER TABLE analysis_sessions ADD COLUMN limits TEXT; -- JSON: a list of [key, most, per minute]
ALTER TABLE analysis_sessions ADD COLUMN waits_for TEXT; -- the key that has reached its limit

-- Hours do not change the fraction of a second, which `strftime` would round.
UPDATE analysis_sessions SET
    turn_at = strftime(
        '%Y-%m-%d %H:%M:%S', substr(available_at, 1, 19), -max(-1000000, min(1000000, priority)) || ' hours'
    ) || substr(available_at, 20)
WHERE status <> 'completed';

CREATE TRIGGER turn_of_earlier_versions AFTER INSERT ON analysis_sessions
WHEN new.turn_at = ''
BEGIN
    UPDATE analysis_sessions SET
        turn_at = strftime(
            '%Y-%m-%d %H:%M:%S', substr(available_at, 1, 19), -max(-1000000, min(1000000, priority)) || ' hours'
        ) || substr(available_at, 20)
    WHERE id = new.id;
END;

-- `ready` may also be 3 (has limits, and its time has come) and 4 (waits for a key that has reached its limit).
DROP INDEX sessions_claimable;

CREATE INDEX sessions_claimable ON analysis_sessions (queue, analysis, turn_at, available_at)
WHERE status = 'pending' AND ready = 1;

DROP INDEX sessions_suspect;

CREATE INDEX sessions_suspect ON analysis_sessions (queue, analysis, turn_at, available_at)
WHERE status = 'pending' AND ready = 2;

CREATE INDEX sessions_limited ON analysis_sessions (queue, analysis, turn_at, available_at)
WHERE status = 'pending' AND ready = 3;

CREATE INDEX sessions_blocked ON analysis_sessions (waits_for, turn_at, available_at, queue, analysis)
WHERE status = 'pending' AND ready = 4;

-- Which keys the sessions at work have: a session has its rows here exactly while it is processing.
CREATE TABLE permits (
    key TEXT NOT NULL,
    session_id TEXT NOT NULL,
    PRIMARY KEY (key, session_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX permits_by_session ON permits (session_id);

-- Keys for which sessions wait, or whose rate is limited.
CREATE TABLE limit_keys (
    key TEXT NOT NULL PRIMARY KEY,
    waiting INTEGER NOT NULL DEFAULT 0, -- 1: some session has `ready` = 4 because of it
    wake_at TEXT, -- when claims look again at what waits for it
    next_at TEXT -- when the next attempt may begin at the full rate
) STRICT, WITHOUT ROWID;

CREATE INDEX limit_keys_by_wake ON limit_keys (wake_at) WHERE wake_at IS NOT NULL;

CREATE TRIGGER permits_taken AFTER UPDATE OF status ON analysis_sessions
WHEN new.limits IS NOT NULL AND new.status = 'processing' AND old.status <> 'processing'
BEGIN
    INSERT OR IGNORE INTO permits (key, session_id)
    SELECT one.value ->> 0, new.id FROM json_each(new.limits) AS one;
END;

CREATE TRIGGER permits_returned AFTER UPDATE OF status ON analysis_sessions
WHEN new.limits IS NOT NULL AND new.status <> 'processing' AND old.status = 'processing'
BEGIN
    DELETE FROM permits WHERE session_id = new.id;
    UPDATE limit_keys SET wake_at = new.updated_at
    WHERE waiting = 1 AND key IN (SELECT one.value ->> 0 FROM json_each(new.limits) AS one);
END;

CREATE TABLE pauses (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    paused_at TEXT NOT NULL,
    PRIMARY KEY (kind, name),
    CONSTRAINT pause_kind_known CHECK (kind IN ('queue', 'analysis'))
) STRICT, WITHOUT ROWID;
