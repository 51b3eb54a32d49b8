-- {1}, and a suspect.
candidates AS (
    SELECT {1}
    UNION ALL
    (SELECT * FROM suspects ORDER BY number DESC LIMIT 1)
)
