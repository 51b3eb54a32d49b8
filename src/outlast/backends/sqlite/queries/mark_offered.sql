-- The version does not change, because nobody sees an offer.
UPDATE analysis_sessions SET offered_at = :now
WHERE rowid IN (SELECT value FROM json_each(:numbers))
RETURNING id AS session_id, queue, priority, analysis, turn_at, rowid AS number
