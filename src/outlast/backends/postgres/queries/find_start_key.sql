SELECT session_id, fingerprint, held_until IS NULL AS settled FROM start_keys
WHERE user_session = %(owner)s AND key = %(key)s
