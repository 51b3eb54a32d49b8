INSERT INTO pauses (kind, name, paused_at) VALUES (%(kind)s, %(name)s, clock_timestamp())
ON CONFLICT DO NOTHING
RETURNING name
