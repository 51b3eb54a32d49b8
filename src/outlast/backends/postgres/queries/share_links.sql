SELECT {link_columns} FROM results
WHERE user_session = %(owner)s AND {link_is_valid}
AND (completed_at, session_id) < (coalesce(%(before)s::timestamptz, 'infinity'), coalesce(%(before_id)s::text, ''))
ORDER BY completed_at DESC, session_id DESC
LIMIT %(limit)s
