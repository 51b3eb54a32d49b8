DROP TRIGGER IF EXISTS no_link_when_shut ON results
