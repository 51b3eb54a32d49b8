SELECT id, at, actor, action, target, detail FROM audit
WHERE
    at >= coalesce(%(since)s::timestamptz, '-infinity')
    AND (
        %(after)s::text IS NULL
        OR (at, id) < (SELECT a.at, a.id FROM audit AS a WHERE a.id = %(after)s::text)
    )
    AND (%(actor)s::text IS NULL OR strpos(lower(actor), lower(%(actor)s::text)) > 0)
    AND (%(action)s::text IS NULL OR starts_with(action, %(action)s::text))
ORDER BY at DESC, id DESC
LIMIT %(limit)s
