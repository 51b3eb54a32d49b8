SELECT count(*) FROM ({prunable_facts}) AS prunable
