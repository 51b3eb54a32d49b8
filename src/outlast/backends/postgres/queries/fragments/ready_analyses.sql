-- The analyses with sessions whose `ready` is {2}, one lookup each: {1} = name of the result.
{1} (analysis) AS (
    (
        SELECT s.analysis FROM analysis_sessions AS s
        WHERE s.queue = (SELECT me.queue FROM me) AND s.status = 'pending' AND s.ready = {2}
        ORDER BY s.analysis LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT s.analysis FROM analysis_sessions AS s
        WHERE
            s.queue = (SELECT me.queue FROM me) AND s.analysis > {1}.analysis
            AND s.status = 'pending' AND s.ready = {2}
        ORDER BY s.analysis LIMIT 1
    )
    FROM {1} WHERE {1}.analysis IS NOT NULL
)
