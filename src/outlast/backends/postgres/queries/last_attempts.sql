SELECT last.session_id, {attempt_columns}
FROM unnest(%(ids)s::text []) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT * FROM attempts AS a WHERE a.session_id = wanted.id ORDER BY a.claim DESC LIMIT 1
) AS last
