-- In order, so that two processes that add to the same series cannot deadlock.
INSERT INTO metric_counts (metric, labels, value)
SELECT c.metric, c.labels, c.value
FROM unnest(%(metrics)s::text [], %(labels)s::text [], %(values)s::double precision []) AS c (metric, labels, value)
ORDER BY c.metric, c.labels
ON CONFLICT (metric, labels) DO UPDATE SET value = metric_counts.value + excluded.value
