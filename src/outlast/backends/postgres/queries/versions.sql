SELECT s.id, coalesce(p.version, s.version) AS version FROM {sessions}
WHERE s.id > %(after)s ORDER BY s.id LIMIT %(limit)s
