UPDATE workers AS w SET
    beat = w.beat + 1, beat_at = now.at, lease_until = now.at + make_interval(secs => %(lease)s),
    state = %(state)s, memory = %(memory)s, completed = %(completed)s, failed = %(failed)s, followed = %(followed)s
FROM ({now}) AS now
WHERE w.id = %(worker_id)s
RETURNING w.requested, w.requests
