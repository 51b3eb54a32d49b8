SELECT rowid FROM results WHERE completed_at < :before
