-- Of a session that follows a run, the version of the run.
greatest(
    coalesce(p.version, s.version),
    (SELECT r.version FROM analysis_sessions AS r WHERE s.ready = -1 AND r.id = s.run_id),
    (SELECT of_run.version FROM session_progress AS of_run WHERE s.ready = -1 AND of_run.session_id = s.run_id)
)
