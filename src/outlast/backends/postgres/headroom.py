"""Tells, without counting for each start, when so many sessions wait that a start has to count."""

from dataclasses import dataclass

from outlast.ports.clock import Clock

FASTEST = 50_000
"""Starts a second, of all processes together, that one database can never reach."""
NEAR = 1_000
"""Places left below which every start counts."""
LONGEST = 10.0
"""Seconds for which a count is believed at most."""


@dataclass(frozen=True, slots=True)
class _Look:
    near: bool
    until: float


class Headroom:
    """What the last count said, for as long as the waiting ones cannot have reached the limit since."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._looks: dict[int, _Look] = {}

    def near(self, limit: int) -> bool | None:
        """Whether starts must count; `None`: look again."""
        look = self._looks.get(limit)
        return None if look is None or self._clock.monotonic() >= look.until else look.near

    def saw(self, limit: int, waiting: int) -> bool:
        """So many wait; answers as `near`."""
        left = limit - waiting
        near = left < NEAR
        believed = 1.0 if near else min(left / FASTEST, LONGEST)
        self._looks[limit] = _Look(near, self._clock.monotonic() + believed)
        return near
