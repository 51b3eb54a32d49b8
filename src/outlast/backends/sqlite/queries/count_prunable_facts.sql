SELECT count(*) FROM ({prunable_facts})
