"""Where claims start to scan the index of claimable sessions, while dead entries precede the live ones.

A transaction held open keeps the index entries of all sessions that were claimed since. A full scan reads all of
them before it comes to pending sessions, which are behind: whatever becomes claimable gets the current time as
its `available_at`. Claims then start a moment before where earlier ones have ended, and seldom scan in full, for
sessions that were committed late or skipped. This affects only how soon a session is found.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from outlast.domain.crash_policy import SUSPECT_CRASHES
from outlast.ports.clock import Clock

SLOW_CLAIM = 0.01
"""Seconds of a claim from which on the next one counts the entries that it reads."""
MANY_ENTRIES = 5_000
"""Entries that a full scan may read before claims stop scanning in full."""
COST_FACTOR = 200
"""The next full scan comes after this many times the duration of the last one, so it takes 0.5 % of the time."""
OVERLAP = timedelta(seconds=0.1)
"""A claim starts this long before the position: sessions are committed a moment after their `available_at`."""
WIDE_OVERLAP = timedelta(seconds=1)
"""The same for some claims, which find sessions that were committed later than that."""
WIDE_EVERY = 0.2
"""Seconds between two such claims."""
MAX_PLACES = 500
"""Queues times analyses that are remembered; one more clears them all."""
MAX_PRIORITIES = 20
"""Priorities of one place that are remembered; one more clears them all."""
DEFAULT_PRIORITY = 0
HIGHEST, LOWEST = 2**31 - 1, -(2**31)
MIN_TIME = datetime(1, 1, 1, tzinfo=UTC)

Place = tuple[str, str]
"""A queue and an analysis."""


@dataclass(frozen=True, slots=True)
class PriorityRange:
    """Priorities of one place, from the highest to the lowest, and the `available_at` to start at."""

    place: Place
    highest: int
    lowest: int
    since: datetime


@dataclass(frozen=True, slots=True)
class ClaimedSession:
    """A session that was claimed."""

    place: Place
    priority: int
    available_at: datetime
    crashes: int


class ClaimPositions:
    """The positions that the claims of one process have reached. Safe from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counting = False
        self._slow = False
        """Full scans are slow because of the entries that they read."""
        self._next_full_scan = self._next_wide_scan = 0.0
        self._most_crashes_held = 0
        self._reached: dict[Place, dict[int, datetime]] = {}
        self._exhausted_at: dict[Place, datetime] = {}
        """When a claim last left no session there."""

    @property
    def counting(self) -> bool:
        """Return whether a claim has to count the entries that it reads."""
        return self._counting

    def ranges(self, places: Sequence[Place], most_crashes: int) -> Sequence[PriorityRange] | None:
        """Return what the next claim scans; `None` for a full scan."""
        with self._lock:
            # sessions that were skipped because of a suspect are before the current position
            suspect_ended = most_crashes < SUSPECT_CRASHES <= self._most_crashes_held
            self._most_crashes_held = most_crashes
            if not self._slow or suspect_ended or self._clock.monotonic() >= self._next_full_scan:
                return None
            overlap = OVERLAP
            if self._clock.monotonic() >= self._next_wide_scan:
                overlap = WIDE_OVERLAP
                self._next_wide_scan = self._clock.monotonic() + WIDE_EVERY
            return [part for place in places for part in _parts(place, self._reached.get(place, {}), overlap)]

    def record_uncounted(self, seconds: float) -> None:
        """Record the duration of a full scan that did not count entries."""
        if seconds >= SLOW_CLAIM:
            self._counting = True

    def record_full_scan(self, seconds: float, entries: int) -> None:
        """Record the duration of a full scan, and how many index entries it has read."""
        with self._lock:
            self._counting = self._slow = entries >= MANY_ENTRIES
            self._next_full_scan = self._clock.monotonic() + COST_FACTOR * seconds
            if not self._slow:
                self._reached.clear()
                self._exhausted_at.clear()

    def record_found(
        self, places: Sequence[Place], found: Sequence[ClaimedSession], *, exhausted: bool, at: datetime
    ) -> None:
        """Record the sessions that a claim has found; `exhausted` if it left none in what it scanned."""
        with self._lock:
            if not self._slow:
                return
            if len(self._reached) + len(places) > MAX_PLACES:
                self._reached.clear()
                self._exhausted_at.clear()
            for one in found:
                known = self._reached.setdefault(one.place, {})
                if one.priority not in known and len(known) >= MAX_PRIORITIES:
                    known.clear()
                known[one.priority] = one.available_at
            # a claim skips others because of a suspect
            if exhausted and all(one.crashes < SUSPECT_CRASHES for one in found):
                for place in places:
                    self._advance(place, at)
            self._limit(at)

    def _advance(self, place: Place, at: datetime) -> None:
        """Move on to when the place was last exhausted before: other claims had locked sessions since."""
        previous = self._exhausted_at.get(place)
        self._exhausted_at[place] = at
        if previous is not None:
            known = self._reached.setdefault(place, {})
            known.setdefault(DEFAULT_PRIORITY, MIN_TIME)
            known.update({priority: max(reached, previous) for priority, reached in known.items()})

    def _limit(self, latest: datetime) -> None:
        """Move positions back to `latest`: one that is later shows that the database's clock has gone back."""
        for known in self._reached.values():
            for priority, reached in known.items():
                known[priority] = min(reached, latest)


def _parts(place: Place, reached: Mapping[int, datetime], overlap: timedelta) -> list[PriorityRange]:
    """Return ranges for the known priorities from their positions, and for all others from the beginning."""
    parts: list[PriorityRange] = []
    highest = HIGHEST
    for priority in sorted(reached, reverse=True):
        if priority < highest:
            parts.append(PriorityRange(place, highest, priority + 1, MIN_TIME))
        since = reached[priority] - overlap if reached[priority] > MIN_TIME else MIN_TIME
        parts.append(PriorityRange(place, priority, priority, since))
        highest = priority - 1
    if highest >= LOWEST:
        parts.append(PriorityRange(place, highest, LOWEST, MIN_TIME))
    return parts
