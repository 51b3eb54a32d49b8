UPDATE analysis_sessions SET max_attempts = :max_attempts
WHERE id = :id AND claim = :claim AND status = 'processing'
RETURNING id
