INSERT OR REPLACE INTO workers (
    id, host, pid, queues, analyses, concurrency, started_at, beat_at, boot_id, lease_until
)
VALUES (
    :id, :host, :pid, :queues, :analyses, :concurrency, :started_at, :beat_at, :boot_id, :lease_until
)
