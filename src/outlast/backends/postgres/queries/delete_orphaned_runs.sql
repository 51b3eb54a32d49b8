DELETE FROM analysis_sessions AS r
WHERE
    r.id = ANY(%(ids)s) AND r.completed_at IS NOT NULL
    AND NOT EXISTS (SELECT FROM analysis_sessions AS s WHERE s.run_id = r.id)
RETURNING r.id
