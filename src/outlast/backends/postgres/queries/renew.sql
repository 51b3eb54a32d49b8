UPDATE workers AS w SET
    beat = w.beat + 1, beat_at = now.at, lease_until = now.at + make_interval(secs => %(lease)s)
FROM ({now}) AS now
WHERE w.id = %(worker_id)s
RETURNING w.id
