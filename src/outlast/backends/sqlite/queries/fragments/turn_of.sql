-- The turn of a session that is available from {1} on: see `domain/turns.py`. Hours do not change the fraction of a second.
iif(
    priority = 0, {1},
    strftime(
        '%Y-%m-%d %H:%M:%S', substr({1}, 1, 19), -max(-1000000, min(1000000, priority)) || ' hours'
    ) || substr({1}, 20)
)
