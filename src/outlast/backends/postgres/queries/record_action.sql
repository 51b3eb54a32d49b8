INSERT INTO audit (id, at, actor, action, target, detail)
VALUES (%(id)s, clock_timestamp(), %(actor)s, %(action)s, %(target)s, %(detail)s)
ON CONFLICT DO NOTHING
