-- What is more urgent than `me`, or as urgent and earlier: {1} = analyses, {2} = index, {3} = value of `ready` there.
SELECT 1 FROM me CROSS JOIN {1} CROSS JOIN analysis_sessions AS s INDEXED BY {2}
WHERE
    s.queue = me.queue AND s.analysis = {1}.analysis AND s.priority > me.priority
    AND s.status = 'pending' AND s.ready = {3} AND ({3} = 1 OR NOT me.suspect)
UNION ALL
SELECT 1 FROM me CROSS JOIN {1} CROSS JOIN analysis_sessions AS s INDEXED BY {2}
WHERE
    s.queue = me.queue AND s.analysis = {1}.analysis AND s.priority = me.priority
    AND s.available_at <= me.available_at
    AND (s.available_at < me.available_at OR s.rowid < me.number)
    AND s.status = 'pending' AND s.ready = {3} AND ({3} = 1 OR NOT me.suspect)
