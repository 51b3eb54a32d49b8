UPDATE results SET share = NULL, share_expires_at = NULL
WHERE session_id = :id AND (:owner IS NULL OR user_session = :owner)
RETURNING 1
