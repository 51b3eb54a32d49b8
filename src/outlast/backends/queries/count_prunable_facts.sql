SELECT count(*) AS counted FROM ({prunable_facts}) AS prunable
