-- Row numbers: what was never offered since it became available, what waits too long again, and what was offered
-- at a time that the wall clock has not reached (it went back).
SELECT * FROM (
    SELECT rowid AS number FROM analysis_sessions INDEXED BY sessions_by_offer
    WHERE status = 'pending' AND ready > 0 AND ready <> 4 AND NOT {paused} AND offered_at IS NULL
    LIMIT :limit + 0
)
UNION ALL
SELECT * FROM (
    SELECT rowid AS number FROM analysis_sessions INDEXED BY sessions_by_offer
    WHERE status = 'pending' AND ready > 0 AND ready <> 4 AND NOT {paused} AND offered_at <= :again_before
    ORDER BY offered_at
    LIMIT :limit + 0
)
UNION ALL
SELECT * FROM (
    SELECT rowid AS number FROM analysis_sessions INDEXED BY sessions_by_offer
    WHERE status = 'pending' AND ready > 0 AND ready <> 4 AND NOT {paused} AND offered_at > :ahead
    LIMIT :limit + 0
)
LIMIT :limit + 0
