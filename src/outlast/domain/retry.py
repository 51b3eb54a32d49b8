"""The retry policy: exponential backoff with full jitter, and the limits on crashes."""

import random

FIRST_DELAY = 2.0
"""Maximum delay in seconds before the second attempt."""
LONGEST_DELAY = 300.0
"""Maximum delay in seconds before any attempt."""
MAX_CRASHES = 3
"""A session is quarantined after this many deaths of its worker."""
SUSPECT_CRASHES = 2
"""From this many crashes on a session is a suspect: it never runs beside another session that has crashed."""


def may_run_beside(crashes: int, most: int) -> bool:
    """Return whether a session with `crashes` may run on a worker whose sessions have at most `most`: a suspect
    runs only beside sessions without crashes, so that none of them can have caused its next crash.
    """
    return min(crashes, most) == 0 or max(crashes, most) < SUSPECT_CRASHES


def backoff(
    attempt: int, rng: random.Random, *, first: float = FIRST_DELAY, longest: float = LONGEST_DELAY
) -> float:
    """Return the seconds to wait after failed attempt `attempt` (from 1): uniform up to a doubling limit."""
    limit = min(longest, first * 2.0 ** min(attempt - 1, 30))
    return rng.uniform(0.0, limit)
