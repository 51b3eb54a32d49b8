crashes = 0,
lapses = 0,
{no_error},
asked = NULL,
completed_at = NULL,
cancel_requested_at = NULL,
end_digest = NULL,
offered_at = NULL
