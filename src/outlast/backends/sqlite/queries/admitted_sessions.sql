-- Sessions of one queue and analysis whose limits allow them to run.
SELECT turn_at, available_at, rowid AS number, crashes FROM analysis_sessions
WHERE
    id IN (SELECT value FROM json_each(:admitted))
    AND queue = :queue AND analysis = :analysis AND +status = 'pending'
    AND (crashes = 0 OR (crashes = 1 AND :most_crashes < 2))
    AND (:excluded IS NULL OR id NOT IN (SELECT value FROM json_each(:excluded)))
