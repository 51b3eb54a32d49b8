"""When a process prunes: once an hour, or once a day at the time that the operator has chosen."""

import random
from datetime import datetime, time, timedelta

from outlast.ports.clock import Clock

PRUNE_EVERY = 3600.0
"""Seconds between prunes without a time of day."""
SPREAD = 60.0
"""Seconds after the time of day over which the processes of an installation spread their prunes."""


class CleanupTime:
    """Says when the next prune is due. `at` is a time of day in this machine's time zone."""

    def __init__(self, clock: Clock, rng: random.Random, at: time | None) -> None:
        self._clock = clock
        self._at = at
        self._delay = timedelta(seconds=rng.uniform(0, SPREAD))
        self._pruned_at = clock.monotonic() - PRUNE_EVERY * rng.uniform(0.5, 1.0)
        self._next = None if at is None else self._next_day(at)
        self._again = False

    def has_come(self) -> bool:
        """Whether it is time to prune; the next time counts from this answer."""
        if self._again:
            self._again = False
            return True
        if self._at is None or self._next is None:
            is_due = self._clock.monotonic() - self._pruned_at >= PRUNE_EVERY
            self._pruned_at = self._clock.monotonic() if is_due else self._pruned_at
        else:
            is_due = self._clock.now() >= self._next
            self._next = self._next_day(self._at) if is_due else self._next
        return is_due

    def again(self) -> None:
        """Let the time come once more, because the prune failed."""
        self._again = True

    def _next_day(self, at: time) -> datetime:
        """The next moment at which clocks here show that time, delayed by this process's part of the spread."""
        now = self._clock.now()
        day = now.astimezone().date()
        while (moment := datetime.combine(day, at).astimezone() + self._delay) <= now:
            day += timedelta(days=1)
        return moment
