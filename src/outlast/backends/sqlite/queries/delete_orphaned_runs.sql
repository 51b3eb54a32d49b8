DELETE FROM analysis_sessions
WHERE
    id IN (SELECT value FROM json_each(:ids)) AND completed_at IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM analysis_sessions AS s WHERE s.run_id = analysis_sessions.id)
RETURNING id
