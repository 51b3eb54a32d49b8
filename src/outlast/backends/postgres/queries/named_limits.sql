SELECT s.id, s.limits, s.turn_at, s.number, s.crashes, s.waits_for
FROM analysis_sessions AS s CROSS JOIN ({now}) AS now
WHERE s.id = %(id)s AND s.status = 'pending' AND s.limits IS NOT NULL AND (s.ready > 0 OR s.available_at <= now.at)
FOR UPDATE OF s
