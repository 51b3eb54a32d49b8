INSERT INTO metric_counts (metric, labels, value)
SELECT c.value ->> 0, c.value ->> 1, c.value ->> 2 FROM json_each(:counts) AS c
WHERE TRUE -- without it, ON would join
ON CONFLICT (metric, labels) DO UPDATE SET value = value + excluded.value
