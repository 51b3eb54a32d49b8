-- Processes that know the schema up to number 6 may still run.
-- Where to tell the end of a session, as a webhook.
CREATE TABLE callbacks (
    session_id TEXT NOT NULL REFERENCES analysis_sessions (id) ON DELETE CASCADE,
    url TEXT NOT NULL,
    key_id TEXT NOT NULL, -- of the API key that asked for it
    delivery_id TEXT, -- the session that delivers it; NULL: its delivery has not started
    PRIMARY KEY (session_id, url)
) STRICT;

CREATE INDEX callbacks_to_deliver ON callbacks (session_id) WHERE delivery_id IS NULL;
