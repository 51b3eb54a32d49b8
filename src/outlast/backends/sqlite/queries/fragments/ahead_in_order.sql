-- What has an earlier turn than `me`: {1} = analyses, {2} = index, {3} = value of `ready` there.
SELECT 1 FROM me CROSS JOIN {1} CROSS JOIN analysis_sessions AS s INDEXED BY {2}
WHERE
    s.queue = me.queue AND s.analysis = {1}.analysis AND s.turn_at <= me.turn_at
    AND (s.turn_at < me.turn_at OR (s.available_at, s.rowid) < (me.available_at, me.number))
    AND s.status = 'pending' AND s.ready = {3} AND ({3} <> 2 OR NOT me.suspect)
