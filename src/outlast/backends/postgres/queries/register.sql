INSERT INTO workers (
    id, host, pid, queues, analyses, concurrency, started_at, beat_at, lease_until, process,
    kind, supervisor, program, version, state
)
VALUES (
    %(id)s, %(host)s, %(pid)s, %(queues)s, %(analyses)s, %(concurrency)s, %(started_at)s, %(beat_at)s,
    clock_timestamp() + make_interval(secs => %(lease)s), %(process)s,
    %(kind)s, %(supervisor)s, %(program)s, %(version)s, %(state)s
)
ON CONFLICT (id) DO UPDATE SET
    host = excluded.host, pid = excluded.pid, queues = excluded.queues, analyses = excluded.analyses,
    concurrency = excluded.concurrency, started_at = excluded.started_at, beat_at = excluded.beat_at,
    lease_until = excluded.lease_until, process = excluded.process, kind = excluded.kind,
    supervisor = excluded.supervisor, program = excluded.program, version = excluded.version,
    state = excluded.state
