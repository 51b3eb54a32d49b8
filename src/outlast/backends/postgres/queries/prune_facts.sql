DELETE FROM facts WHERE ctid = ANY(ARRAY({prunable_facts} LIMIT %(batch)s)) RETURNING 1 AS counts
