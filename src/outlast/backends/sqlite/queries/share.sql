UPDATE results SET share = coalesce(share, :token)
WHERE session_id = :id AND (:owner IS NULL OR user_session = :owner)
RETURNING share
