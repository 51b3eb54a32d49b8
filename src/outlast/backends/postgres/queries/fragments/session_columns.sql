{s.session_fields},
coalesce(p.version, s.version) AS version,
coalesce(p.progress_percentage, s.progress_percentage) AS progress_percentage,
coalesce(p.current_step, s.current_step) AS current_step,
CASE WHEN p.claim IS NULL THEN s.current_message ELSE p.current_message END AS current_message,
coalesce(p.steps, s.steps) AS steps,
coalesce(p.updated_at, s.updated_at) AS updated_at,
{derived_columns}
