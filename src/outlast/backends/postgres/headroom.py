"""Tells, without counting for each start, when so many sessions wait that a start has to count."""

from dataclasses import dataclass

from outlast.ports.clock import Clock

FASTEST = 50_000
"""Starts a second, of all processes together, that one database can never reach."""
NEAR = 1_000
"""Places left below which every start counts."""
LONGEST = 10.0
"""Seconds for which a count is believed at most."""
SELDOM = 200
"""So many times what a count took it is believed at least, where the starts since leave room: while a transaction
held open keeps what it would clean up, a count takes long, and starts wait for it."""


@dataclass(frozen=True, slots=True)
class _Look:
    near: bool
    waiting: int
    started: int
    """The number of the last session at that time."""
    until: float
    no_longer_than: float


class Headroom:
    """What the last count said, for as long as the waiting ones cannot have reached the limit since."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._looks: dict[int, _Look] = {}

    def near(self, limit: int) -> bool | None:
        """Whether starts must count; `None`: look again."""
        look = self._looks.get(limit)
        return None if look is None or self._clock.monotonic() >= look.until else look.near

    def near_now(self, limit: int, started: int, at_work: int) -> bool | None:
        """As `near`, now that the last session has this number: there may be room for all that were started since
        the count, and for so many that may be at work and come back. `None`: count.
        """
        look = self._looks.get(limit)
        now = self._clock.monotonic()
        if look is None or look.near or now >= look.no_longer_than:
            return None
        left = limit - look.waiting - (started - look.started) - at_work
        if left < NEAR:
            return None
        until = min(now + left / FASTEST, look.no_longer_than)
        self._looks[limit] = _Look(False, look.waiting, look.started, until, look.no_longer_than)
        return False

    def saw(self, limit: int, waiting: int, started: int, took: float) -> bool:
        """So many wait; before the count, which took so long, the last session had this number. Answers `near`."""
        left = limit - waiting
        near = left < NEAR
        now = self._clock.monotonic()
        believed = 1.0 if near else min(left / FASTEST, LONGEST)
        self._looks[limit] = _Look(near, waiting, started, now + believed, now + max(LONGEST, SELDOM * took))
        return near
