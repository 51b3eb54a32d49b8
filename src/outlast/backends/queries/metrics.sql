SELECT metric, labels, value FROM metric_counts ORDER BY metric, labels
