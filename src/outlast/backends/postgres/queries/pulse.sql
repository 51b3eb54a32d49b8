UPDATE pulse SET checked_at = clock_timestamp()
