(SELECT w.host FROM workers AS w WHERE w.id = s.worker_id)
