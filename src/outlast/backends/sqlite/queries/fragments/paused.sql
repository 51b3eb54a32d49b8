-- Whether the queue or the analysis of a session is paused.
EXISTS (
    SELECT 1 FROM pauses
    WHERE (kind = 'queue' AND name = queue) OR (kind = 'analysis' AND name = analysis)
)
