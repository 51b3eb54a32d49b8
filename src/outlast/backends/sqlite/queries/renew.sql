UPDATE workers SET beat = beat + 1, beat_at = :now, boot_id = :boot_id, lease_until = :lease_until
WHERE id = :worker_id
RETURNING id
