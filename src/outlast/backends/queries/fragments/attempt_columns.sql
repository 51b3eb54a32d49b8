claim, attempt, worker_id, ended, ended_at, error, reference, cause, error_code, last_step, host, duration_ms,
exception, exception_message, traceback
