UPDATE analysis_sessions AS s SET
    status = 'pending',
    available_at = now.at,
    ready = 1,
    max_attempts = s.attempt + %(attempts)s,
    {as_new},
    updated_at = now.at,
    version = greatest(s.version + 1, now.ms)
FROM ({now}) AS now
WHERE s.id = %(id)s
