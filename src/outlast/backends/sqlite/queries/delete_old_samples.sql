DELETE FROM step_statistics
WHERE
    analysis = :analysis AND step = :step
    AND number <= (
        SELECT max(k.number) FROM step_statistics AS k WHERE k.analysis = (SELECT :analysis) AND k.step = (SELECT :step)
    ) - :kept
