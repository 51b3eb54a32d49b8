DELETE FROM analysis_sessions WHERE id IN (SELECT value FROM json_each(:ids)) AND completed_at IS NOT NULL
RETURNING run_id
