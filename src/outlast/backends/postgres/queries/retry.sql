-- The row is locked. With a subject, it is the answer to the session's questions: its input and its subject change.
UPDATE analysis_sessions AS s SET
    status = 'pending',
    {waits_again(now.at)},
    ready = ready_now(0, s.limits),
    run_id = NULL,
    max_attempts = s.attempt + %(attempts)s,
    {as_new},
    input = coalesce(%(input)s, s.input),
    subject = coalesce(%(subject)s, s.subject),
    updated_at = now.at,
    version = greatest(s.version + 1, now.ms)
FROM ({now}) AS now
WHERE s.id = %(id)s
