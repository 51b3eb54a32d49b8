-- Subjects that the new owner has in flight too are not adopted.
UPDATE analysis_sessions AS s SET
    user_session = %(owner)s,
    reuse_key = replace(s.reuse_key, %(anonymous)s, %(owner)s),
    updated_at = now.at,
    version = greatest(s.version + 1, now.ms)
FROM ({now}) AS now
WHERE
    s.user_session = %(anonymous)s
    AND NOT (
        session_in_flight(s.status) AND s.cancel_requested_at IS NULL
        AND EXISTS (
            SELECT FROM analysis_sessions AS o
            WHERE
                o.user_session = %(owner)s AND o.analysis = s.analysis AND o.subject = s.subject
                AND session_in_flight(o.status) AND o.cancel_requested_at IS NULL
        )
    )
