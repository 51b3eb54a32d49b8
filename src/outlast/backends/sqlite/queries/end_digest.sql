SELECT end_digest FROM analysis_sessions WHERE id = :id
