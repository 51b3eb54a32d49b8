DELETE FROM audit
WHERE
    at < :before
    OR (at, id) < (SELECT a.at, a.id FROM audit AS a ORDER BY a.at DESC, a.id DESC LIMIT 1 OFFSET :kept - 1)
