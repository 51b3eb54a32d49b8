"""When to try again: exponential backoff with full jitter."""

import random

FIRST_DELAY = 2.0
"""Seconds: the longest wait before the second attempt."""
LONGEST_DELAY = 300.0
"""Seconds: no wait is longer, however many attempts failed."""
MAX_CRASHES = 3
"""So many deaths of its worker put a session into quarantine."""
SUSPECT_CRASHES = 2
"""From so many crashes on it is a suspect: no worker holds it beside another that has fallen before."""


def may_work_beside(crashes: int, most: int) -> bool:
    """Whether a session of so many `crashes` may be on a worker that holds one of so many: a suspect is tried with
    fresh ones alone, so that its next death cannot be the deed of another that has fallen.
    """
    return min(crashes, most) == 0 or max(crashes, most) < SUSPECT_CRASHES


def backoff(
    attempt: int, rng: random.Random, *, first: float = FIRST_DELAY, longest: float = LONGEST_DELAY
) -> float:
    """Seconds to wait after the `attempt`-th attempt (from 1) failed: uniform between 0 and a doubling limit."""
    limit = min(longest, first * 2.0 ** min(attempt - 1, 30))
    return rng.uniform(0.0, limit)
