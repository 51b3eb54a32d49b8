INSERT INTO facts (space, key, item, value, until)
SELECT :space, f.value ->> 0, f.value ->> 1, f.value ->> 2, :until FROM json_each(:facts) AS f
WHERE true
ON CONFLICT (space, key, item) DO UPDATE SET value = excluded.value, until = excluded.until
