CREATE OR REPLACE TRIGGER no_link_when_shut BEFORE UPDATE OF share ON results
FOR EACH ROW EXECUTE FUNCTION refuse_when_shut()
