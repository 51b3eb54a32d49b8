SELECT id, at, actor, action, target, detail FROM audit
WHERE
    (:since IS NULL OR at >= :since)
    AND (:after IS NULL OR (at, id) < (SELECT a.at, a.id FROM audit AS a WHERE a.id = :after))
    AND (:actor IS NULL OR instr(lower(actor), lower(:actor)))
    AND (:action IS NULL OR substr(action, 1, length(:action)) = :action)
ORDER BY at DESC, id DESC
LIMIT :limit + 0
