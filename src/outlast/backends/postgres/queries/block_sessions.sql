UPDATE analysis_sessions AS s SET ready = 4, waits_for = b.key
FROM unnest(%(ids)s::text [], %(keys)s::text []) AS b (id, key)
WHERE s.id = b.id AND s.status = 'pending'
