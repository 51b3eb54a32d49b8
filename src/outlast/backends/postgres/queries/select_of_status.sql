-- Sessions that follow a run are found by their own index, however many sessions have the status.
SELECT {session_columns}
FROM (
    (
        SELECT * FROM analysis_sessions AS s
        WHERE s.status = %(status)s AND (s.status <> 'pending' OR s.ready >= 0) AND {selected}
        ORDER BY s.created_at DESC, s.number DESC
        LIMIT %(limit)s
    )
    UNION ALL
    (
        SELECT * FROM analysis_sessions AS s
        WHERE s.status = 'pending' AND s.ready = -1 AND {shown_status} = %(status)s AND {selected}
        ORDER BY s.created_at DESC, s.number DESC
        LIMIT %(limit)s
    )
) AS s
LEFT JOIN session_progress AS p ON p.session_id = s.id AND p.claim = s.claim
ORDER BY s.created_at DESC, s.number DESC
LIMIT %(limit)s
