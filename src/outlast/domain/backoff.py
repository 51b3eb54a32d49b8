"""The delay before a retry: exponential backoff with full jitter."""

import random

FIRST_DELAY = 2.0
"""Maximum delay in seconds before the second attempt."""
LONGEST_DELAY = 300.0
"""Maximum delay in seconds before any attempt."""


def backoff(
    attempt: int, rng: random.Random, *, first: float = FIRST_DELAY, longest: float = LONGEST_DELAY
) -> float:
    """Return the seconds to wait after failed attempt `attempt` (from 1): uniform up to a doubling limit."""
    limit = min(longest, first * 2.0 ** min(attempt - 1, 30))
    return rng.uniform(0.0, limit)
