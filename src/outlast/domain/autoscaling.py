"""Decides how many workers a supervisor keeps: more at once, fewer slowly."""

import math
from dataclasses import dataclass

OLD = 2.0
"""A session that has waited for this many seconds shows that the workers do not keep up."""
SHRINK_AFTER = 10.0
"""Seconds for which fewer workers must have been enough before one of them ends."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the workers of a supervisor have to do."""

    waiting: int
    """Sessions that wait for workers of these queues and analyses."""
    oldest: float
    """Seconds that the oldest of them has waited."""
    in_flight: int
    """Sessions that these workers hold."""


class Autoscaler:
    """Decides on a number of workers between `least` and `most`. `concurrency` is that of one worker."""

    def __init__(self, least: int, most: int, concurrency: int) -> None:
        self.least = least
        self.most = most
        self._concurrency = concurrency
        self._fewer_since: float | None = None

    def wanted(self, workers: int, load: Load, now: float) -> int:
        """Return how many workers there should be, of which there are `workers`. `now` is monotonic.

        That is as many as have room for all sessions that run or wait. While the oldest has waited for `OLD`
        seconds, it is at least one more at each look: the room is there, but the workers are too slow. One worker
        at a time ends, after `SHRINK_AFTER` seconds in which it was not needed.
        """
        needed = math.ceil((load.waiting + load.in_flight) / self._concurrency)
        if load.waiting and load.oldest >= OLD:
            needed = max(needed, workers + 1)
        needed = min(max(needed, self.least), self.most)
        if needed >= workers:
            self._fewer_since = None
            return needed
        if self._fewer_since is None:
            self._fewer_since = now
        if now - self._fewer_since < SHRINK_AFTER:
            return workers
        self._fewer_since = now
        return workers - 1
