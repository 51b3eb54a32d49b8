-- As `claim`, of what earlier claims have not reached.
WITH now AS MATERIALIZED ({now}),
{claim_places},
{claim_started},
{claim_suspects},
{claim_candidates(* FROM ordinary UNION SELECT * FROM started)},
{claim_chosen}
