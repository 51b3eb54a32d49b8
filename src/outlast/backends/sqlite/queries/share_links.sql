-- `SELECT` keeps SQLite from preparing the statement again for each value.
SELECT {link_columns} FROM results
WHERE user_session = (SELECT :owner) AND {link_is_valid}
AND (completed_at, session_id) < ((SELECT coalesce(:before, '~')), (SELECT coalesce(:before_id, '')))
ORDER BY completed_at DESC, session_id DESC
LIMIT :limit + 0
