AND (s.crashes = 0 OR %(most_crashes)s < 2) AND s.id <> ALL(%(excluded)s::text [])
ORDER BY s.priority DESC, s.available_at, s.number
LIMIT %(limit)s
FOR UPDATE SKIP LOCKED
