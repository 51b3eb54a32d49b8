SELECT minute, counts FROM metric_samples
WHERE minute IN (SELECT min(s.minute) FROM metric_samples AS s WHERE s.minute >= :since GROUP BY s.minute / :every)
ORDER BY minute
