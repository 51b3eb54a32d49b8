INSERT INTO facts (space, key, item, value, until)
SELECT %(space)s, f.key, f.item, f.value, %(until)s
FROM json_to_recordset(%(facts)s::json) AS f (key text, item text, value text)
ON CONFLICT (space, key, item) DO UPDATE SET value = excluded.value, until = excluded.until
