SELECT {session_columns}
FROM unnest(%(ids)s::text [], %(versions)s::bigint []) AS seen (id, version)
INNER JOIN analysis_sessions AS s ON s.id = seen.id
LEFT JOIN session_progress AS p ON p.session_id = s.id AND p.claim = s.claim
WHERE coalesce(p.version, s.version) <> seen.version
