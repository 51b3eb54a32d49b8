-- Processes that know the schema up to number 9 may still run.
-- Results that later starts with the same key, analysis and subject may reuse. Without a key, as in processes of earlier
-- versions, nobody does.
ALTER TABLE analysis_sessions ADD COLUMN reuse_key text;

-- The session whose result it got instead of being run, and when that session completed.
ALTER TABLE analysis_sessions ADD COLUMN result_of text;
ALTER TABLE analysis_sessions ADD COLUMN result_at timestamptz;

CREATE INDEX sessions_by_result ON analysis_sessions (user_session, result_of) WHERE result_of IS NOT NULL;

ALTER TABLE results ADD COLUMN reuse_key text; -- NULL for a copy, too

CREATE INDEX results_by_reuse ON results (reuse_key, analysis, subject, completed_at) WHERE reuse_key IS NOT NULL;
