max(0, CAST(CASE
    WHEN timed_boot = :boot_id THEN (:monotonic - timed_from) * 1000
    ELSE (julianday(:now) - julianday(created_at)) * 86400000 - waited_ms - worked_ms
END AS INTEGER))
