SELECT {link_columns} FROM results
WHERE user_session = :owner AND {link_is_valid}
AND (completed_at, session_id) < (coalesce(:before, '~'), coalesce(:before_id, ''))
ORDER BY completed_at DESC, session_id DESC
LIMIT :limit + 0
