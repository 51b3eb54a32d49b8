DELETE FROM limit_keys WHERE waiting = 0 AND (next_at IS NULL OR next_at < :now)
