-- `OFFSET 0`: the cost of the versions does not decide how the progress is read.
SELECT {session_columns}
FROM unnest(%(ids)s::text [], %(versions)s::bigint []) AS seen (id, version)
INNER JOIN analysis_sessions AS s ON s.id = seen.id
LEFT JOIN session_progress AS p ON p.session_id = s.id AND p.claim = s.claim
CROSS JOIN LATERAL (SELECT {shown_version} AS version OFFSET 0) AS shown
WHERE shown.version <> seen.version
