-- Runs whose sessions are all deleted.
DELETE FROM analysis_sessions WHERE id = ANY(ARRAY(
    SELECT r.id FROM analysis_sessions AS r
    WHERE
        right(r.user_session, 10) = ' everybody' AND r.completed_at <= %(before)s
        AND NOT EXISTS (SELECT FROM analysis_sessions AS s WHERE s.run_id = r.id)
    LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED
))
RETURNING 1 AS counts
