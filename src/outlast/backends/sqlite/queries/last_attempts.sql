SELECT session_id, {attempt_columns}
FROM (SELECT value FROM json_each(:ids)) AS wanted CROSS JOIN attempts
WHERE
    session_id = wanted.value
    AND claim = (SELECT max(a.claim) FROM attempts AS a WHERE a.session_id = wanted.value)
