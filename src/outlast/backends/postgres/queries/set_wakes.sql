INSERT INTO limit_keys AS l (key, waiting, wake_at)
SELECT u.key, u.waiting, u.wake_at
FROM unnest(%(keys)s::text [], %(waiting)s::smallint [], %(wakes)s::timestamptz []) AS u (key, waiting, wake_at)
ON CONFLICT (key) DO UPDATE SET waiting = excluded.waiting, wake_at = excluded.wake_at
