-- Processes that know the schema up to number 9 may still run.
-- The session that remembered a fact, with which it is deleted. NULL: no session, or a process of an earlier version.
ALTER TABLE facts ADD COLUMN session_id text;

CREATE INDEX facts_by_session ON facts (session_id) WHERE session_id IS NOT NULL;

-- The sessions of starts with an `Idempotency-Key`, so that a repeated request starts nothing.
CREATE TABLE start_keys (
    user_session text NOT NULL,
    key text NOT NULL, -- a hash
    fingerprint text NOT NULL, -- a hash of the request
    session_id text NOT NULL, -- of the session, or of the one that is to be started
    held_until timestamptz, -- by the request that starts it; NULL: it has started
    until timestamptz NOT NULL,
    PRIMARY KEY (user_session, key)
);

CREATE INDEX start_keys_by_end ON start_keys (until);

-- The keys of programs that use the API.
CREATE TABLE api_keys (
    id text NOT NULL PRIMARY KEY,
    digest text NOT NULL UNIQUE, -- of the key, which is stored nowhere
    name text NOT NULL,
    owner text NOT NULL, -- of the sessions that it starts
    scopes text NOT NULL, -- separated by spaces
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz
);
