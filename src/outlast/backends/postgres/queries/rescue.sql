UPDATE analysis_sessions AS s SET
    status = t.status,
    completed_at = CASE WHEN t.status <> 'pending' THEN greatest(now.at, s.created_at, s.started_at) END,
    worked_ms = s.worked_ms + {uncounted_ms},
    timed_from = now.at,
    crashes = t.crashes,
    lapses = t.lapses,
    error = coalesce(t.error, s.error),
    error_code = coalesce(t.error_code, s.error_code),
    reference = CASE WHEN t.error IS NULL THEN s.reference END,
    exception = CASE WHEN t.error IS NULL THEN s.exception ELSE '' END,
    {waits_again(CASE WHEN t.status = 'pending' THEN now.at ELSE s.available_at END)},
    ready = ready_now(t.crashes, s.limits),
    attempt = s.attempt - 1,
    {no_worker},
    updated_at = now.at,
    version = greatest(s.version + 1, now.ms)
FROM json_to_recordset(%(taken)s::json) AS t (
    session_id text, claim bigint, status text, crashes integer, lapses integer, error text, error_code text
),
({now}) AS now
WHERE s.id = t.session_id AND s.claim = t.claim AND s.status = 'processing'
RETURNING s.id
