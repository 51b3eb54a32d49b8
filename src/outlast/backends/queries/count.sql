-- Sessions that follow a run have the status of their run.
SELECT counted.status, CAST(sum(counted.sessions) AS bigint) AS sessions
FROM (
    SELECT status, count(*) AS sessions FROM analysis_sessions GROUP BY status
    UNION ALL
    SELECT 'pending', -count(*) FROM analysis_sessions WHERE status = 'pending' AND ready = -1
    UNION ALL
    SELECT r.status, count(*)
    FROM analysis_sessions AS s INNER JOIN analysis_sessions AS r ON r.id = s.run_id
    WHERE s.status = 'pending' AND s.ready = -1
    GROUP BY r.status
) AS counted
GROUP BY counted.status
