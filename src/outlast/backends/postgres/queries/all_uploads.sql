SELECT user_session, sha256, name, bytes, used_at FROM uploads WHERE sha256 IS NOT NULL
ORDER BY user_session, sha256
