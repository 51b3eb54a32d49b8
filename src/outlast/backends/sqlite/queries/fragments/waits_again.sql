-- What changes besides the status when a session waits again, from {1} on.
available_at = {1},
turn_at = {turn_of({1})},
waits_for = NULL
