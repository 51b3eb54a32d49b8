-- `coalesce` and `iif` keep the two limits of the index on `created_at` usable. :after_time says where to continue if
-- the session of :after is gone.
created_at >= coalesce(:since, '')
AND created_at <= iif(
    :after IS NULL,
    '~',
    coalesce(:after_time, (SELECT c.created_at FROM analysis_sessions AS c WHERE c.id = :after))
)
AND (
    :after IS NULL
    OR created_at < :after_time
    OR (created_at, analysis_sessions.rowid)
    < (SELECT c.created_at, c.rowid FROM analysis_sessions AS c WHERE c.id = :after)
)
AND {chosen}
