SELECT count(*) AS counted FROM ({prunable_uploads}) AS prunable
