"""From where on claims look, while what others can still see lies in the way.

A transaction held open keeps the index entries of all sessions that were claimed since. They come before what
waits, and a claim that looks everywhere walks over them all. What waits is behind them, because whatever becomes
claimable gets the time of that moment as its `available_at`. So claims then begin where the last ones have come
to, a moment back. For a small part of the time only they look everywhere: for what was committed late or passed
over. Only how soon a session is found depends on it.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from outlast.domain.retry import SUSPECT_CRASHES
from outlast.ports.clock import Clock

SLOW = 0.01
"""Seconds from which on the entries are counted that the next claim walks over."""
MANY = 5_000
"""Entries that a claim may walk over without a thought."""
SELDOM = 200
"""So many times what a look everywhere takes passes before the next: one session of two hundred waits for it."""
BACK = timedelta(seconds=1)
"""So long before the place that was reached a claim begins: starts are committed a moment after their time."""
PLACES = 500
"""Queues times analyses that are remembered; beyond it all begin anew."""
PRIORITIES = 20
"""Those of one place that are remembered; beyond it they begin anew."""
USUAL = 0
"""The priority of what says nothing about it."""
FIRST, LAST = 2**31 - 1, -(2**31)
EVER = datetime(1, 1, 1, tzinfo=UTC)

Place = tuple[str, str]
"""A queue and an analysis."""


@dataclass(frozen=True, slots=True)
class Range:
    """Priorities of one place, from the highest to the lowest, and since when."""

    place: Place
    highest: int
    lowest: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """A session that was claimed."""

    place: Place
    priority: int
    available_at: datetime
    crashes: int


class Positions:
    """What the claims of one process have learnt. Safe from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counting = False
        self._slow = False
        """Looks everywhere are slow because of the entries that they walk over."""
        self._everywhere_at = 0.0
        self._beside = 0
        self._reached: dict[Place, dict[int, datetime]] = {}
        self._looked: dict[Place, datetime] = {}
        """When a claim last left nothing there."""

    @property
    def counting(self) -> bool:
        """Whether a claim has to count the entries that it walks over."""
        return self._counting

    def ranges(self, places: Sequence[Place], beside: int) -> Sequence[Range] | None:
        """Where the next claim looks; `None`: everywhere."""
        with self._lock:
            # what could not be taken beside a suspect lies before the place that was reached meanwhile
            more = beside < SUSPECT_CRASHES <= self._beside
            self._beside = beside
            if not self._slow or more or self._clock.monotonic() >= self._everywhere_at:
                return None
            return [part for place in places for part in _parts(place, self._reached.get(place, {}))]

    def took(self, seconds: float) -> None:
        """A claim that did not count, and looked everywhere, took so long."""
        if seconds >= SLOW:
            self._counting = True

    def looked_everywhere(self, seconds: float, walked: int) -> None:
        """A claim that counted took so long, and has walked over so many entries."""
        with self._lock:
            self._counting = self._slow = walked >= MANY
            self._everywhere_at = self._clock.monotonic() + SELDOM * seconds
            if not self._slow:
                self._reached.clear()
                self._looked.clear()

    def found(self, places: Sequence[Place], found: Sequence[Found], *, all_of_it: bool, at: datetime) -> None:
        """A claim at that time has brought these; `all_of_it`: it left nothing where it looked."""
        with self._lock:
            if not self._slow:
                return
            if len(self._reached) + len(places) > PLACES:
                self._reached.clear()
                self._looked.clear()
            for one in found:
                known = self._reached.setdefault(one.place, {})
                if one.priority not in known and len(known) >= PRIORITIES:
                    known.clear()
                known[one.priority] = one.available_at - BACK
            # beside a suspect others are left
            if all_of_it and all(one.crashes < SUSPECT_CRASHES for one in found):
                for place in places:
                    self._complete(place, at)
            self._not_after(at - BACK)

    def _complete(self, place: Place, at: datetime) -> None:
        """Nothing is left there; but for what another claim had locked and let go, which the next one finds."""
        before = self._looked.get(place)
        self._looked[place] = at
        if before is not None:
            known = self._reached.setdefault(place, {})
            known.setdefault(USUAL, EVER)
            known.update({priority: max(reached, before - BACK) for priority, reached in known.items()})

    def _not_after(self, latest: datetime) -> None:
        """Nothing claimable is later than now; where a place is, the database's clock has gone back."""
        for known in self._reached.values():
            for priority, reached in known.items():
                known[priority] = min(reached, latest)


def _parts(place: Place, reached: Mapping[int, datetime]) -> list[Range]:
    """The known priorities of a place from where they are, and all that is between them from the beginning."""
    parts: list[Range] = []
    highest = FIRST
    for priority in sorted(reached, reverse=True):
        if priority < highest:
            parts.append(Range(place, highest, priority + 1, EVER))
        parts.append(Range(place, priority, priority, reached[priority]))
        highest = priority - 1
    if highest >= LAST:
        parts.append(Range(place, highest, LAST, EVER))
    return parts
