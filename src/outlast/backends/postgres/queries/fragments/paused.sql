-- Whether the queue {1} or the analysis {2} is paused.
EXISTS (
    SELECT FROM pauses
    WHERE (pauses.kind = 'queue' AND pauses.name = {1}) OR (pauses.kind = 'analysis' AND pauses.name = {2})
)
