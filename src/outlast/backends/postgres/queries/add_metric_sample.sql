INSERT INTO metric_samples (minute, counts) VALUES (%(minute)s, %(counts)s) ON CONFLICT DO NOTHING
