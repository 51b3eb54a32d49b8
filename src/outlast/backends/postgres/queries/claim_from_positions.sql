-- As `claim`, from the positions that earlier claims have reached: each range of priorities begins at its `since`.
WITH now AS MATERIALIZED ({now}),
{claim_places},
ranges AS MATERIALIZED (
    SELECT r.queue, r.analysis, r.highest, r.lowest, r.since
    FROM unnest(
        %(range_queues)s::text [], %(range_analyses)s::text [], %(highest)s::integer [], %(lowest)s::integer [],
        %(begins)s::timestamptz []
    ) AS r (queue, analysis, highest, lowest, since)
    WHERE EXISTS (SELECT FROM places)
),
ordinary AS MATERIALIZED (
    SELECT next.id, next.priority, next.available_at, next.number, next.crashes
    FROM ranges CROSS JOIN LATERAL (
        SELECT s.id, s.priority, s.available_at, s.number, s.crashes FROM analysis_sessions AS s
        WHERE
            s.queue = ranges.queue AND s.analysis = ranges.analysis AND s.status = 'pending' AND s.ready = 1
            AND s.priority <= ranges.highest AND s.priority >= ranges.lowest AND s.available_at >= ranges.since
            {lock_next}
    ) AS next
),
{claim_candidates}
