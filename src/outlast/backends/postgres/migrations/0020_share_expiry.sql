-- Processes that know the schema up to number 9 may still run.
-- Their share links never expire, and until they are replaced they answer a link that has.
ALTER TABLE results ADD COLUMN share_expires_at timestamptz; -- NULL: the link never expires

CREATE INDEX results_shared ON results (user_session, completed_at, session_id) WHERE share IS NOT NULL;
