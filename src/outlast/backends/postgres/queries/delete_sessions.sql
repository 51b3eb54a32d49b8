DELETE FROM analysis_sessions WHERE id = ANY(%(ids)s) AND completed_at IS NOT NULL
RETURNING run_id
