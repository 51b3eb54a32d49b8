SELECT count(*) AS counted FROM ({prunable_results}) AS prunable
