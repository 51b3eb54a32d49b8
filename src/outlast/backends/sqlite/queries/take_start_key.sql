-- Takes a key that is new, that has expired, or whose holder has not settled it in time; the last one keeps its id.
INSERT INTO start_keys (user_session, key, fingerprint, session_id, held_until, until)
VALUES (:owner, :key, :fingerprint, :session_id, :held_until, :until)
ON CONFLICT (user_session, key) DO UPDATE SET
    session_id = iif(until <= :now, excluded.session_id, session_id),
    fingerprint = excluded.fingerprint,
    held_until = excluded.held_until,
    until = excluded.until
WHERE until <= :now OR (held_until <= :now AND fingerprint = excluded.fingerprint)
RETURNING session_id, fingerprint
