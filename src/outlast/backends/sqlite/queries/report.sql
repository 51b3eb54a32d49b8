UPDATE analysis_sessions SET
    progress_percentage = max(progress_percentage, min(u.value ->> 2, 99.9)),
    current_step = u.value ->> 3,
    current_message = u.value ->> 4,
    steps = u.value ->> 5,
    updated_at = :now,
    version = max(version + 1, :ms)
FROM (SELECT value FROM json_each(:updates)) AS u
WHERE id = u.value ->> 0 AND claim = u.value ->> 1 AND +status = 'processing'
RETURNING id, claim
