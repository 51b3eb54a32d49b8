DELETE FROM facts WHERE rowid IN ({prunable_facts} LIMIT :batch + 0) RETURNING 1 AS counts
