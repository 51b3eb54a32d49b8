SELECT session_id, user_session || coalesce(' ' || share, '') AS owner_and_link FROM results
WHERE session_id > :after
ORDER BY session_id LIMIT :limit + 0
