SELECT wanted.value AS id FROM (SELECT value FROM json_each(:ids)) AS wanted
WHERE NOT EXISTS (SELECT 1 FROM analysis_sessions WHERE id = wanted.value)
