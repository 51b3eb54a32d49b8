-- The newest of each wanted status first: so no index on the time alone is needed.
SELECT {session_columns}
FROM unnest(%(statuses)s::text []) AS wanted (status)
CROSS JOIN LATERAL (
    SELECT * FROM analysis_sessions AS s
    WHERE s.status = wanted.status AND {selected}
    ORDER BY s.created_at DESC, s.number DESC
    LIMIT %(limit)s
) AS s
LEFT JOIN session_progress AS p ON p.session_id = s.id AND p.claim = s.claim
ORDER BY s.created_at DESC, s.number DESC
LIMIT %(limit)s
