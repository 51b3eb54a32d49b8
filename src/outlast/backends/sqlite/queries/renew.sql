UPDATE workers SET
    beat = beat + 1, beat_at = :now, boot_id = :boot_id, lease_until = :lease_until,
    state = :state, memory = :memory, completed = :completed, failed = :failed, followed = :followed
WHERE id = :worker_id
RETURNING requested, requests
