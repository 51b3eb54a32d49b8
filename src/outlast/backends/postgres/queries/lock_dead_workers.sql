SELECT id FROM workers WHERE lease_until <= (SELECT clock_timestamp()) ORDER BY id FOR UPDATE SKIP LOCKED
