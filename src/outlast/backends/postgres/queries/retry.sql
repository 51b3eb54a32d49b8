UPDATE analysis_sessions AS s SET
    status = 'pending',
    {waits_again(now.at)},
    ready = ready_now(0, s.limits),
    max_attempts = s.attempt + %(attempts)s,
    {as_new},
    updated_at = now.at,
    version = greatest(s.version + 1, now.ms)
FROM ({now}) AS now
WHERE s.id = %(id)s
