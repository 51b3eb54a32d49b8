UPDATE results SET
    share = iif({link_is_valid}, share, :link),
    share_expires_at = iif({link_is_valid}, coalesce(:expires_at, share_expires_at), :expires_at)
WHERE session_id = :id AND (:owner IS NULL OR user_session = :owner)
RETURNING {link_columns}
