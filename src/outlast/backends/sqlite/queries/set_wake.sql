INSERT INTO limit_keys (key, waiting, wake_at) VALUES (:key, :waiting, :wake_at)
ON CONFLICT (key) DO UPDATE SET waiting = excluded.waiting, wake_at = excluded.wake_at
