SELECT count(*) FROM ({prunable_results}) AS prunable
