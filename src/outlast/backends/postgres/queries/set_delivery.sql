UPDATE callbacks SET delivery_id = %(delivery_id)s WHERE session_id = %(session_id)s AND url = %(url)s
