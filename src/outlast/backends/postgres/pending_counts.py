"""Decides from an earlier count of pending sessions whether a start can skip counting them."""

from dataclasses import dataclass

from outlast.ports.clock import Clock

MAX_START_RATE = 50_000
"""Starts per second that one database cannot reach, with all processes together."""
NEAR = 1_000
"""Remaining capacity below which every start counts."""
MAX_AGE = 10.0
"""Seconds for which a count is used at most, unless counting is slow."""
COST_FACTOR = 200
"""A count is used for at least this many times its duration, if the starts since leave capacity: a transaction
held open makes counting slow, and starts wait for it."""


@dataclass(frozen=True, slots=True)
class _Count:
    near: bool
    waiting: int
    started: int
    """The number of the last session at the time of the count."""
    until: float
    valid_until: float


class PendingCounts:
    """The last count for each limit, used for as long as starts since cannot have reached the limit."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: dict[int, _Count] = {}

    def must_count(self, limit: int) -> bool | None:
        """Return whether every start must count; `None` if that is unknown."""
        count = self._counts.get(limit)
        return None if count is None or self._clock.monotonic() >= count.until else count.near

    def must_count_now(self, limit: int, started: int, processing: int) -> bool | None:
        """Return `False` if the limit cannot have been reached by what was started since the count, up to number
        `started`, and by the sessions `processing`, which may become pending again. `None`: a new count is needed.
        """
        count = self._counts.get(limit)
        now = self._clock.monotonic()
        if count is None or count.near or now >= count.valid_until:
            return None
        remaining = limit - count.waiting - (started - count.started) - processing
        if remaining < NEAR:
            return None
        until = min(now + remaining / MAX_START_RATE, count.valid_until)
        self._counts[limit] = _Count(False, count.waiting, count.started, until, count.valid_until)
        return False

    def record(self, limit: int, waiting: int, started: int, duration: float) -> bool:
        """Record a count, its duration, and the last session's number before it. Return as `must_count` does."""
        remaining = limit - waiting
        near = remaining < NEAR
        now = self._clock.monotonic()
        use_for = 1.0 if near else min(remaining / MAX_START_RATE, MAX_AGE)
        self._counts[limit] = _Count(
            near, waiting, started, now + use_for, now + max(MAX_AGE, COST_FACTOR * duration)
        )
        return near
