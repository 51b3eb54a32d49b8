SELECT {session_columns}
FROM (SELECT key, value FROM json_each(:seen)) AS seen CROSS JOIN analysis_sessions
WHERE analysis_sessions.id = seen.key AND {shown_version} <> seen.value
