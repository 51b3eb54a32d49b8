"""When a process prunes: once an hour, or once a day at the time that the operator has chosen."""

import random
from datetime import datetime, time, timedelta

from outlast.ports.clock import Clock

PRUNE_EVERY = 3600.0
"""Seconds between prunes without a time of day."""
RETRY_AFTER = 60.0
"""Seconds after a prune that failed: it may be what burdens the store."""
SPREAD = 60.0
"""Seconds after the time of day over which the processes of an installation spread their prunes."""


class CleanupTime:
    """Says when the next prune is due. `at` is a time of day in this machine's time zone."""

    def __init__(self, clock: Clock, rng: random.Random, at: time | None) -> None:
        self._clock = clock
        self._at = at
        self._delay = timedelta(seconds=rng.uniform(0, SPREAD))
        self._moment = None if at is None else self._next_day(at)
        # the processes of an installation do not prune together
        self._not_before = clock.monotonic() + (PRUNE_EVERY * rng.uniform(0.0, 0.5) if at is None else 0.0)

    def is_due(self) -> bool:
        moment = self._moment
        return self._clock.monotonic() >= self._not_before and (moment is None or self._clock.now() >= moment)

    def succeeded(self) -> None:
        """Count the next one from now."""
        if self._at is None:
            self._not_before = self._clock.monotonic() + PRUNE_EVERY
        else:
            self._moment = self._next_day(self._at)

    def failed(self) -> None:
        """Let it be due again soon."""
        self._not_before = self._clock.monotonic() + RETRY_AFTER

    def _next_day(self, at: time) -> datetime:
        """The next moment at which clocks here show that time, delayed by this process's part of the spread."""
        now = self._clock.now()
        day = now.astimezone().date()
        while (moment := datetime.combine(day, at).astimezone() + self._delay) <= now:
            day += timedelta(days=1)
        return moment
