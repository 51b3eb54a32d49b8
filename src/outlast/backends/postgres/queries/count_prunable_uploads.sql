SELECT count(*) FROM ({prunable_uploads}) AS prunable
