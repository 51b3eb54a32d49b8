CREATE OR REPLACE TRIGGER no_change_when_shut BEFORE INSERT OR UPDATE ON analysis_sessions
FOR EACH ROW EXECUTE FUNCTION refuse_when_shut()
