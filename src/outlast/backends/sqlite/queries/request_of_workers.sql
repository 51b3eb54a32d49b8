UPDATE workers SET requested = :command, requests = requests + 1
WHERE id IN (SELECT value FROM json_each(:ids))
RETURNING id, requests
