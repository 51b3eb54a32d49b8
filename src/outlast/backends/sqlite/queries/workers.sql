SELECT
    id, host, pid, queues, analyses, concurrency, started_at, beat_at,
    (SELECT count(*) FROM analysis_sessions AS s WHERE s.status = 'processing' AND s.worker_id = workers.id) AS in_flight,
    boot_id = :boot_id AND lease_until > :monotonic AND lease_until <= :monotonic + :lease AS alive,
    process, kind, supervisor, program, version, state, memory, completed, failed, requested, requests, followed
FROM workers
ORDER BY started_at, id
