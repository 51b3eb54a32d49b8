-- The analyses in an index, one lookup each: {1} = name of the result, {2} = index, {3} = value of `ready` there.
{1} (analysis) AS (
    SELECT (
        SELECT s.analysis FROM analysis_sessions AS s INDEXED BY {2}
        WHERE s.queue = (SELECT me.queue FROM me) AND s.status = 'pending' AND s.ready = {3}
        ORDER BY s.analysis LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT s.analysis FROM analysis_sessions AS s INDEXED BY {2}
        WHERE
            s.queue = (SELECT me.queue FROM me) AND s.analysis > {1}.analysis
            AND s.status = 'pending' AND s.ready = {3}
        ORDER BY s.analysis LIMIT 1
    )
    FROM {1} WHERE {1}.analysis IS NOT NULL
)
