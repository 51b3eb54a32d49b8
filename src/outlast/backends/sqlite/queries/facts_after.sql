SELECT space, key, item, value, until FROM facts
WHERE (space, key, item) > (:space, :key, :item)
ORDER BY space, key, item LIMIT :limit + 0
