SELECT count(*) AS counted FROM ({prunable_failed}) AS prunable
