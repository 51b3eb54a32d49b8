SELECT content FROM upload_chunks WHERE upload_id = :id AND number = :number
