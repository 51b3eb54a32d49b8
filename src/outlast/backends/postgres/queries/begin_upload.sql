INSERT INTO uploads (user_session, name, bytes, used_at)
VALUES (%(owner)s, %(name)s, %(bytes)s, clock_timestamp()) RETURNING id
