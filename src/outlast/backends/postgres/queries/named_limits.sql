SELECT id, limits, turn_at, number, crashes, waits_for FROM analysis_sessions
WHERE id = %(id)s AND status = 'pending' AND limits IS NOT NULL
FOR UPDATE
