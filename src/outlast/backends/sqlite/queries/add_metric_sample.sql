INSERT INTO metric_samples (minute, counts) VALUES (:minute, :counts) ON CONFLICT DO NOTHING
