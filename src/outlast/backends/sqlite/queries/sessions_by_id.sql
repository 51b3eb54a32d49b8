SELECT {session_columns} FROM analysis_sessions
WHERE id IN (SELECT value FROM json_each(:ids))
