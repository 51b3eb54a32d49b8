INSERT INTO step_statistics (analysis, step, number, duration_ms)
SELECT
    s.value ->> 0,
    s.value ->> 1,
    row_number() OVER (PARTITION BY s.value ->> 0, s.value ->> 1 ORDER BY s.key)
    + coalesce(
        (
            SELECT max(k.number) FROM step_statistics AS k
            WHERE k.analysis = s.value ->> 0 AND k.step = s.value ->> 1
        ), 0
    ),
    s.value ->> 2
FROM json_each(:samples) AS s
