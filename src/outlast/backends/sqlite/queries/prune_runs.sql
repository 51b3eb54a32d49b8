-- Runs whose sessions are all deleted.
DELETE FROM analysis_sessions WHERE rowid IN (
    SELECT r.rowid FROM analysis_sessions AS r INDEXED BY sessions_shared_runs
    WHERE
        substr(r.user_session, -10) = ' everybody' AND r.completed_at IS NOT NULL AND r.completed_at <= :before
        AND NOT EXISTS (SELECT 1 FROM analysis_sessions AS s WHERE s.run_id = r.id)
    LIMIT :batch + 0
)
RETURNING 1 AS counts
