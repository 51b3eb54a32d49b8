-- A fleet is told of it again.
UPDATE analysis_sessions SET ready = {ready_now(crashes)}, waits_for = NULL, offered_at = NULL
WHERE id = :id AND status = 'pending' AND ready = 4
