INSERT INTO enrolled_keys (fingerprint, enrolled_at)
SELECT :first, :now
WHERE
    NOT EXISTS (SELECT 1 FROM enrolled_keys)
    OR EXISTS (
        SELECT 1 FROM enrolled_keys
        WHERE fingerprint IN (SELECT value FROM json_each(:fingerprints))
    )
ON CONFLICT (fingerprint) DO UPDATE SET enrolled_at = enrolled_keys.enrolled_at
RETURNING fingerprint
