-- Those of these workers that have not renewed their leases since.
SELECT w.id FROM workers AS w
INNER JOIN json_to_recordset(%(lapsed)s::json) AS l (id text, token text) ON l.id = w.id
WHERE w.beat || ' ' || extract(EPOCH FROM w.lease_until) = l.token
ORDER BY w.id
FOR UPDATE OF w SKIP LOCKED
