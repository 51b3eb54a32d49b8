-- Fenced by the claim in the row itself, which goes with the claim. Not synced: no progress outlives its claim.
UPDATE session_progress AS p SET
    version = greatest(p.version + 1, now.ms),
    progress_percentage = greatest(p.progress_percentage, least(u.percentage, 99.9)),
    current_step = u.current_step,
    current_message = u.message,
    steps = u.steps,
    updated_at = now.at
FROM json_to_recordset(%(updates)s::json) AS u (
    id text, claim bigint, percentage double precision, current_step integer, message text, steps text
),
({now}) AS now,
(SELECT set_config('synchronous_commit', 'off', true)) AS not_synced
WHERE p.session_id = u.id AND p.claim = u.claim
RETURNING p.session_id, p.claim
