-- As `claim_from_positions`, with sessions that have limits.
WITH now AS MATERIALIZED ({now}),
{claim_places},
{claim_started},
{claim_limited_candidates(* FROM ordinary UNION SELECT * FROM started)},
{claim_chosen}
