-- Progress goes back into the sessions' own rows, which are locked.
WITH gone AS (
    DELETE FROM session_progress WHERE session_id = ANY(%(ids)s)
    RETURNING session_id, claim, version, progress_percentage, current_step, current_message, steps
)
UPDATE analysis_sessions AS s SET
    version = gone.version,
    progress_percentage = greatest(s.progress_percentage, gone.progress_percentage),
    current_step = gone.current_step,
    current_message = gone.current_message,
    steps = gone.steps
FROM gone
WHERE s.id = gone.session_id AND s.claim = gone.claim AND s.status = 'processing'
