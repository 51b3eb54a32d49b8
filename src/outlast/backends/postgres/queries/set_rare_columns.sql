-- Of sessions that this transaction has inserted, so no reader sees them without.
UPDATE analysis_sessions AS s SET traceparent = t.traceparent, reuse_key = t.reuse_key
FROM unnest(%(ids)s::text [], %(traceparents)s::text [], %(reuse_keys)s::text []) AS t (id, traceparent, reuse_key)
WHERE s.id = t.id AND s.traceparent IS NULL AND s.reuse_key IS NULL
