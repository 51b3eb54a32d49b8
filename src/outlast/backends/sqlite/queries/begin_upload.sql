INSERT INTO uploads (user_session, name, used_at) VALUES (:owner, :name, :now) RETURNING id
