DELETE FROM results
WHERE session_id IN (SELECT value FROM json_each(:ids)) AND (:owner IS NULL OR user_session = :owner)
RETURNING session_id AS id
