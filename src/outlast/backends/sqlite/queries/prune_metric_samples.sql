DELETE FROM metric_samples WHERE minute < :before
