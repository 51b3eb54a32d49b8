-- Processes that know the schema up to number 6 may still run.
-- The session that remembered a fact, with which it is deleted. NULL: no session, or a process of an earlier version.
ALTER TABLE facts ADD COLUMN session_id TEXT;

CREATE INDEX facts_by_session ON facts (session_id) WHERE session_id IS NOT NULL;

-- The sessions of starts with an `Idempotency-Key`, so that a repeated request starts nothing.
CREATE TABLE start_keys (
    user_session TEXT NOT NULL,
    key TEXT NOT NULL, -- a hash
    fingerprint TEXT NOT NULL, -- a hash of the request
    session_id TEXT NOT NULL, -- of the session, or of the one that is to be started
    held_until TEXT, -- by the request that starts it; NULL: it has started
    until TEXT NOT NULL,
    PRIMARY KEY (user_session, key)
) STRICT;

CREATE INDEX start_keys_by_end ON start_keys (until);

-- The keys of programs that use the API.
CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE, -- of the key, which is stored nowhere
    name TEXT NOT NULL,
    owner TEXT NOT NULL, -- of the sessions that it starts
    scopes TEXT NOT NULL, -- separated by spaces
    created_at TEXT NOT NULL,
    expires_at TEXT,
    revoked_at TEXT
) STRICT;
