INSERT INTO api_keys (id, digest, name, owner, scopes, created_at, expires_at)
VALUES (:id, :digest, :name, :owner, :scopes, :created_at, :expires_at)
