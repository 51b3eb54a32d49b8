-- As `claim`, with sessions that have limits.
WITH now AS MATERIALIZED ({now}),
{claim_places},
{claim_ordinary(places, true)},
{claim_limited_candidates(* FROM ordinary)},
{claim_chosen}
