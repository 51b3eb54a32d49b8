id, name, owner, scopes, created_at, expires_at, revoked_at
