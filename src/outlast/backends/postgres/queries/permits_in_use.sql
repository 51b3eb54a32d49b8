SELECT k.key, l.next_at, (SELECT count(*) FROM permits AS p WHERE p.key = k.key) AS in_use
FROM unnest(%(keys)s::text []) AS k (key) LEFT JOIN limit_keys AS l ON l.key = k.key
