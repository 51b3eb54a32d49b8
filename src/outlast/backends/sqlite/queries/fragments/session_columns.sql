{session_fields}, {progress_fields}, user_session AS owner,
coalesce(input, (SELECT l.input FROM large_inputs AS l WHERE l.session_id = analysis_sessions.id)) AS input,
timed_from, timed_boot
