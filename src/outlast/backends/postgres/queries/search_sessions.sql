-- Within the newest of each status, so that the search takes no longer in a store of millions.
SELECT {session_columns}
FROM unnest(%(statuses)s::text []) AS wanted (status)
CROSS JOIN LATERAL (
    SELECT * FROM analysis_sessions AS of_status
    WHERE of_status.status = wanted.status
    ORDER BY of_status.created_at DESC, of_status.number DESC
    LIMIT %(deepest)s
) AS s
LEFT JOIN session_progress AS p ON p.session_id = s.id AND p.claim = s.claim
WHERE
    strpos(lower(s.subject), %(text)s) > 0
    OR strpos(lower(s.error), %(text)s) > 0
    OR EXISTS (
        SELECT FROM attempts AS a
        WHERE
            s.error IS NOT NULL AND a.session_id = s.id AND a.claim = s.claim
            AND strpos(lower(a.exception || ': ' || a.exception_message), %(text)s) > 0
    )
ORDER BY s.created_at DESC, s.number DESC
LIMIT %(limit)s
