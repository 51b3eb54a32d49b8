SELECT session_id, user_session || coalesce(' ' || share, '') FROM results
WHERE session_id > %(after)s
ORDER BY session_id LIMIT %(limit)s
