-- Of sessions that this transaction has inserted, so no reader sees them without.
UPDATE analysis_sessions AS s SET traceparent = t.traceparent
FROM unnest(%(ids)s::text [], %(traceparents)s::text []) AS t (id, traceparent)
WHERE s.id = t.id AND s.traceparent IS NULL
