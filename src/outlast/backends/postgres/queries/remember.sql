INSERT INTO facts (space, key, item, value, until, session_id)
SELECT %(space)s, f.key, f.item, f.value, %(until)s, %(session_id)s
FROM unnest(%(keys)s::text [], %(items)s::text [], %(values)s::text []) AS f (key, item, value)
ORDER BY f.key, f.item
ON CONFLICT (space, key, item) DO UPDATE SET
    value = excluded.value,
    until = excluded.until,
    session_id = excluded.session_id
