INSERT INTO api_keys (id, digest, name, owner, scopes, created_at, expires_at)
VALUES (%(id)s, %(digest)s, %(name)s, %(owner)s, %(scopes)s, %(created_at)s, %(expires_at)s)
