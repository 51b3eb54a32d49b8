SELECT key, item, value FROM facts
WHERE space = %(space)s AND key = ANY(%(keys)s) AND until > (SELECT clock_timestamp())
ORDER BY key, item
