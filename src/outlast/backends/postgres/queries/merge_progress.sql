-- Moves progress back into the sessions' own rows, which are locked.
WITH progress AS (
    DELETE FROM session_progress WHERE session_id = ANY(%(ids)s)
    RETURNING session_id, claim, version, progress_percentage, current_step, current_message, steps
)
UPDATE analysis_sessions AS s SET
    version = progress.version,
    progress_percentage = greatest(s.progress_percentage, progress.progress_percentage),
    current_step = progress.current_step,
    current_message = progress.current_message,
    steps = progress.steps
FROM progress
WHERE s.id = progress.session_id AND s.claim = progress.claim AND s.status = 'processing'
