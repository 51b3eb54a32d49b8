INSERT INTO uploads (user_session, name, used_at) VALUES (%(owner)s, %(name)s, clock_timestamp()) RETURNING id
