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
{claim_ordinary(ranges, s.priority <= ranges.highest AND s.priority >= ranges.lowest AND s.available_at >= ranges.since)},
{claim_candidates}
