UPDATE workers AS w SET requested = %(command)s, requests = w.requests + 1
WHERE w.id = ANY(%(ids)s)
RETURNING w.id, w.requests
