SELECT count(*) AS counted FROM ({prunable_sessions}) AS prunable
