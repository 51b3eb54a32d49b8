-- Of a session that follows a run, the status of the run.
coalesce(
    (SELECT r.status FROM analysis_sessions AS r WHERE r.id = analysis_sessions.run_id AND analysis_sessions.ready = -1), status
)
