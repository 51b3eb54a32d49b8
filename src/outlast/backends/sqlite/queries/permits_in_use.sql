SELECT
    asked.value AS key, (SELECT l.next_at FROM limit_keys AS l WHERE l.key = asked.value) AS next_at,
    (SELECT count(*) FROM permits AS p WHERE p.key = asked.value) AS in_use
FROM json_each(:keys) AS asked
