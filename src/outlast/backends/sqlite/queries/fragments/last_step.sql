(
    SELECT l.value ->> 'name' FROM json_each(analysis_sessions.steps) AS l
    WHERE l.key = (
        SELECT max(a.key) FROM json_each(analysis_sessions.steps) AS a WHERE a.value ->> 'status' = 'active'
    )
)
