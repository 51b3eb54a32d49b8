SELECT
    (SELECT COALESCE(SUM(bytes), 0) FROM uploads WHERE user_session = :owner)
    + (SELECT COALESCE(SUM(bytes), 0) FROM results WHERE user_session = :owner)
