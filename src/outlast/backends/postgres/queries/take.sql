DELETE FROM facts WHERE space = %(space)s AND key = %(key)s AND until > (SELECT clock_timestamp())
RETURNING key, item, value
