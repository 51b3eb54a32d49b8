SELECT content FROM upload_chunks WHERE upload_id = %(id)s AND number = %(number)s
