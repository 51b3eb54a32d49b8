-- `deadline`: processes of earlier versions set it, and read it while a session is processing.
worker_id = NULL,
deadline = NULL,
offered_at = NULL
