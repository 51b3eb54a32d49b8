SELECT minute, counts FROM metric_samples
WHERE
    minute IN (
        SELECT min(s.minute) FROM metric_samples AS s WHERE s.minute >= %(since)s GROUP BY s.minute / %(every)s
    )
ORDER BY minute
