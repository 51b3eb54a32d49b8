-- Of a session that follows a run, the version of the run.
max(
    version,
    coalesce(
        (SELECT r.version FROM analysis_sessions AS r WHERE r.id = analysis_sessions.run_id AND analysis_sessions.ready = -1), 0
    )
)
