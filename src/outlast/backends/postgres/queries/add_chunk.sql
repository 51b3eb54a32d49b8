INSERT INTO upload_chunks (upload_id, number, content) VALUES (%(id)s, %(number)s, %(content)b)
