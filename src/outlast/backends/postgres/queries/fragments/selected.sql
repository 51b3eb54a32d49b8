-- `coalesce` and `CASE` keep the two limits of the index on `created_at` usable. `after_time` says where to continue if
-- the session of `after` is gone.
s.created_at >= coalesce(%(since)s::timestamptz, '-infinity')
AND s.created_at <= CASE
    WHEN %(after)s::text IS NULL THEN 'infinity'
    ELSE coalesce(
        %(after_time)s::timestamptz, (SELECT c.created_at FROM analysis_sessions AS c WHERE c.id = %(after)s)
    )
END
AND (
    %(after)s::text IS NULL
    OR s.created_at < %(after_time)s
    OR (s.created_at, s.number)
    < (SELECT c.created_at, c.number FROM analysis_sessions AS c WHERE c.id = %(after)s)
)
AND {chosen}
