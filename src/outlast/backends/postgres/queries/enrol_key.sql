INSERT INTO enrolled_keys (fingerprint, enrolled_at)
SELECT %(first)s, clock_timestamp()
WHERE
    NOT EXISTS (SELECT FROM enrolled_keys)
    OR EXISTS (SELECT FROM enrolled_keys WHERE fingerprint = ANY(%(fingerprints)s))
ON CONFLICT (fingerprint) DO UPDATE SET enrolled_at = enrolled_keys.enrolled_at
RETURNING fingerprint
