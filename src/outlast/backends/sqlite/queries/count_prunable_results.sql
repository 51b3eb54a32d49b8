SELECT count(*) FROM ({prunable_results})
