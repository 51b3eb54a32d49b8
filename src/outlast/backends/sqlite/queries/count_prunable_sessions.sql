SELECT count(*) FROM ({prunable_sessions})
