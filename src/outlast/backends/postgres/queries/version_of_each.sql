SELECT s.id, s.user_session AS owner, {shown_version} AS version
FROM unnest(%(ids)s::text [], %(owners)s::text []) AS asked (id, owner)
INNER JOIN analysis_sessions AS s ON s.id = asked.id AND s.user_session = asked.owner
LEFT JOIN session_progress AS p ON p.session_id = s.id AND p.claim = s.claim
