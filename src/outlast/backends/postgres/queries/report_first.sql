-- The session's row is locked against its end, so that nothing is left behind by it; found as in `finish`.
WITH not_synced AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
now AS MATERIALIZED ({now}),
held AS MATERIALIZED (
    SELECT
        u.id, u.claim, u.percentage, u.current_step, u.message, u.steps,
        s.version AS session_version, s.progress_percentage AS reached
    FROM json_to_recordset(%(updates)s::json) AS u (
        id text, claim bigint, percentage double precision, current_step integer, message text, steps text
    )
    CROSS JOIN LATERAL (SELECT * FROM analysis_sessions AS named WHERE named.id = u.id OFFSET 0 FOR KEY SHARE) AS s
    WHERE s.claim = u.claim AND s.status = 'processing'
)
INSERT INTO session_progress AS p (
    session_id, claim, version, progress_percentage, current_step, current_message, steps, updated_at
)
SELECT
    held.id, held.claim, greatest(held.session_version + 1, now.ms),
    greatest(held.reached, least(held.percentage, 99.9)), held.current_step, held.message, held.steps, now.at
FROM held CROSS JOIN now CROSS JOIN not_synced
ON CONFLICT (session_id) DO UPDATE SET
    claim = excluded.claim,
    version = greatest(p.version + 1, excluded.version),
    progress_percentage = greatest(p.progress_percentage, excluded.progress_percentage),
    current_step = excluded.current_step,
    current_message = excluded.current_message,
    steps = excluded.steps,
    updated_at = excluded.updated_at
RETURNING p.session_id, p.claim
