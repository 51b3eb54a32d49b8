UPDATE results SET
    share = CASE WHEN {link_is_valid} THEN share ELSE %(link)s END,
    share_expires_at = CASE
        WHEN {link_is_valid} THEN coalesce(%(expires_at)s::timestamptz, share_expires_at) ELSE %(expires_at)s::timestamptz
    END
WHERE session_id = %(id)s AND (%(owner)s::text IS NULL OR user_session = %(owner)s)
RETURNING {link_columns}
