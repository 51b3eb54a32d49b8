INSERT INTO upload_chunks (upload_id, number, content) VALUES (:id, :number, :content)
