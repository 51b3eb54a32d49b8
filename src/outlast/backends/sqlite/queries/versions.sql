SELECT id, version FROM analysis_sessions WHERE id > :after ORDER BY id LIMIT :limit + 0
