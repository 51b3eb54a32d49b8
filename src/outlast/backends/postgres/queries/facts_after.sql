SELECT space, key, item, value, until FROM facts
WHERE (space, key, item) > (%(space)s, %(key)s, %(item)s)
ORDER BY space, key, item LIMIT %(limit)s
