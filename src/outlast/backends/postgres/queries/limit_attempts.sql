UPDATE analysis_sessions AS s SET max_attempts = %(max_attempts)s
WHERE s.id = %(id)s AND s.claim = %(claim)s AND s.status = 'processing'
RETURNING s.id
