-- Takes a key that is new, that has expired, or whose holder has not settled it in time; the last one keeps its id.
INSERT INTO start_keys AS k (user_session, key, fingerprint, session_id, held_until, until)
SELECT
    %(owner)s, %(key)s, %(fingerprint)s, %(session_id)s,
    now.at + make_interval(secs => %(hold)s), now.at + make_interval(secs => %(keep)s)
FROM ({now}) AS now
ON CONFLICT (user_session, key) DO UPDATE SET
    session_id = CASE WHEN k.until <= clock_timestamp() THEN excluded.session_id ELSE k.session_id END,
    fingerprint = excluded.fingerprint,
    held_until = excluded.held_until,
    until = excluded.until
WHERE
    k.until <= clock_timestamp()
    OR (k.held_until <= clock_timestamp() AND k.fingerprint = excluded.fingerprint)
RETURNING session_id, fingerprint
