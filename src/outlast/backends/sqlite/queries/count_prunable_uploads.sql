SELECT count(*) FROM ({prunable_uploads} AND sha256 IS NOT NULL)
