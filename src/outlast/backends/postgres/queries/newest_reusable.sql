SELECT session_id, extract(EPOCH FROM clock_timestamp() - completed_at)::double precision AS age FROM results
WHERE reuse_key = %(reuse_key)s AND analysis = %(analysis)s AND subject = %(subject)s
ORDER BY completed_at DESC
LIMIT 1
