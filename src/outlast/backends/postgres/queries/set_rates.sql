INSERT INTO limit_keys AS l (key, next_at)
SELECT u.key, u.next_at FROM unnest(%(keys)s::text [], %(times)s::timestamptz []) AS u (key, next_at)
ON CONFLICT (key) DO UPDATE SET next_at = excluded.next_at
