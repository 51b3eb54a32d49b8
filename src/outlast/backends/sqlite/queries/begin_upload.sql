INSERT INTO uploads (user_session, name, bytes, used_at) VALUES (:owner, :name, :bytes, :now) RETURNING id
