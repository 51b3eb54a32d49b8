DELETE FROM audit
WHERE
    at < %(before)s
    OR (at, id) < (SELECT a.at, a.id FROM audit AS a ORDER BY a.at DESC, a.id DESC LIMIT 1 OFFSET %(kept)s - 1)
