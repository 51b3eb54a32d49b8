-- `coalesce` and `CASE` keep the two limits of the index on `created_at` usable.
s.created_at >= coalesce(%(since)s::timestamptz, '-infinity')
AND s.created_at <= CASE
    WHEN %(after)s::text IS NULL THEN 'infinity'
    ELSE (SELECT c.created_at FROM analysis_sessions AS c WHERE c.id = %(after)s)
END
AND (
    %(after)s::text IS NULL
    OR (s.created_at, s.number)
    < (SELECT c.created_at, c.number FROM analysis_sessions AS c WHERE c.id = %(after)s)
)
AND {chosen}
