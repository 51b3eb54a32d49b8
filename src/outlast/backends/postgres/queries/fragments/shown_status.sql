-- Of a session that follows a run, the status of the run.
coalesce((SELECT r.status FROM analysis_sessions AS r WHERE s.ready = -1 AND r.id = s.run_id), s.status)
