INSERT INTO facts (space, key, item, value, until, session_id)
SELECT :space, f.value ->> 0, f.value ->> 1, f.value ->> 2, :until, :session_id FROM json_each(:facts) AS f
WHERE true
ON CONFLICT (space, key, item) DO UPDATE SET
    value = excluded.value,
    until = excluded.until,
    session_id = excluded.session_id
