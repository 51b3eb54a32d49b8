UPDATE pulse SET checked_at = :now
