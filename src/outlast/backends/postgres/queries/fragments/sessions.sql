analysis_sessions AS s LEFT JOIN session_progress AS p ON p.session_id = s.id AND p.claim = s.claim
