"""When to try again: exponential backoff with full jitter."""

import random

FIRST_DELAY = 2.0
"""Seconds: the longest wait before the second attempt."""
LONGEST_DELAY = 300.0
"""Seconds: no wait is longer, however many attempts failed."""
MAX_CRASHES = 3
"""So many deaths of its worker put a session into quarantine."""
SUSPECT_CRASHES = 2
"""From so many crashes on, a worker holds one such at a time, and asks for none while it holds any that fell."""


def backoff(
    attempt: int, rng: random.Random, *, first: float = FIRST_DELAY, longest: float = LONGEST_DELAY
) -> float:
    """Seconds to wait after the `attempt`-th attempt (from 1) failed: uniform between 0 and a doubling limit."""
    limit = min(longest, first * 2.0 ** min(attempt - 1, 30))
    return rng.uniform(0.0, limit)


def quarantined(crashes: int) -> str:
    """What the visitor is told of a session that ended its worker so many times."""
    return f"This analysis ended its worker {crashes} times, so it is not tried again."
