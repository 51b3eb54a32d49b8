SELECT id FROM analysis_sessions
WHERE user_session = :owner AND completed_at IS NOT NULL
LIMIT :batch + 0
