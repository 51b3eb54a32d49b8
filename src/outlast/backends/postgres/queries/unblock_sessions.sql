-- A fleet is told of them again.
UPDATE analysis_sessions AS s SET ready = ready_now(s.crashes, s.limits), waits_for = NULL, offered_at = NULL
WHERE s.id = ANY(%(ids)s::text []) AND s.status = 'pending' AND s.ready = 4
