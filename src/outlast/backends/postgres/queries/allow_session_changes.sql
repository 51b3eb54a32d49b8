DROP TRIGGER IF EXISTS no_change_when_shut ON analysis_sessions
