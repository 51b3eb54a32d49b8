-- Finds the next sessions of each queue and analysis, and merges them.
WITH now AS MATERIALIZED ({now}),
{claim_places},
{claim_ordinary(places, true)},
{claim_suspects},
{claim_candidates(* FROM ordinary)},
{claim_chosen}
