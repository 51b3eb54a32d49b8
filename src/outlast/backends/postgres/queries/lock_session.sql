SELECT status, cancel_requested_at IS NOT NULL AS cancel_requested, error_code = 'question' AS asks
FROM analysis_sessions
WHERE id = %(id)s AND (%(owner)s::text IS NULL OR user_session = %(owner)s)
FOR UPDATE
