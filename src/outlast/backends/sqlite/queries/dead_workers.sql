-- A lease of another boot, or further ahead than a lease can be, has ended.
SELECT id FROM workers
WHERE NOT (boot_id = :boot_id AND lease_until > :monotonic AND lease_until <= :monotonic + :lease)
