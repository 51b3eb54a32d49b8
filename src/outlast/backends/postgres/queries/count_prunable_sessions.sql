SELECT count(*) FROM ({prunable_sessions}) AS prunable
