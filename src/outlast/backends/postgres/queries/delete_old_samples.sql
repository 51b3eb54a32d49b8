DELETE FROM step_statistics AS d
USING (SELECT DISTINCT l.analysis, l.step FROM unnest(%(analyses)s::text [], %(steps)s::text []) AS l (analysis, step)) AS l
WHERE
    d.analysis = l.analysis AND d.step = l.step
    AND d.number <= (
        SELECT k.number FROM step_statistics AS k
        WHERE k.analysis = l.analysis AND k.step = l.step
        ORDER BY k.number DESC
        OFFSET %(kept)s LIMIT 1
    )
