SELECT
    id, host, pid, queues, analyses, concurrency, started_at, beat_at,
    (SELECT count(*) FROM analysis_sessions AS s WHERE s.status = 'processing' AND s.worker_id = workers.id) AS in_flight,
    lease_until > (SELECT clock_timestamp()) AS alive,
    process, kind, supervisor, program, version, state, memory, completed, failed, requested, requests, followed
FROM workers
ORDER BY started_at, id
