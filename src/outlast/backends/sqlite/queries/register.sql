INSERT OR REPLACE INTO workers (
    id, host, pid, queues, analyses, concurrency, started_at, beat_at, boot_id, lease_until, process,
    kind, supervisor, program, version, state
)
VALUES (
    :id, :host, :pid, :queues, :analyses, :concurrency, :started_at, :beat_at, :boot_id, :lease_until, :process,
    :kind, :supervisor, :program, :version, :state
)
