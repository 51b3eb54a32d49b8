(SELECT w.host FROM workers AS w WHERE w.id = analysis_sessions.worker_id)
