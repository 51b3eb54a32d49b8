INSERT INTO step_statistics (analysis, step, duration_ms)
SELECT * FROM unnest(%(analyses)s::text [], %(steps)s::text [], %(durations)s::bigint [])
