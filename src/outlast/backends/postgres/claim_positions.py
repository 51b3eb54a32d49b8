"""Where claims start to scan the index of claimable sessions, while dead entries precede the live ones.

A transaction held open keeps the index entries of all sessions that were claimed since. A full scan reads all of
them before it comes to pending sessions, which are behind: whatever becomes claimable gets the current time, moved
by its priority, as its turn. Claims then start, for each priority, a moment before where earlier ones have ended,
and seldom scan in full, for sessions that were committed late or skipped. This affects only how soon a session is
found.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from outlast.domain.crash_policy import SUSPECT_CRASHES
from outlast.domain.turns import turn_of
from outlast.ports.clock import Clock

SLOW_CLAIM = 0.01
"""Seconds of a claim from which on the next one counts the entries that it reads."""
MANY_ENTRIES = 5_000
"""Entries that a full scan may read before claims stop scanning in full."""
COST_FACTOR = 200
"""The next full scan comes after this many times the duration of the last one, so it takes 0.5% of the time."""
OVERLAP = timedelta(seconds=0.1)
"""A claim starts this long before the position: sessions are committed a moment after their `available_at`."""
WIDE_OVERLAP = timedelta(seconds=1)
"""The same for some claims, which find sessions that were committed later than that."""
WIDE_EVERY = 0.2
"""Seconds between two such claims."""
MARGIN = timedelta(seconds=1)
"""A range ends this long after what can have arrived in it."""
LONGEST_SINCE = 60.0
MAX_PLACES = 500
"""Queues times analyses that are remembered; one more clears them all."""
MAX_PRIORITIES = 20
"""Priorities that are remembered; one more clears all but the default."""
DEFAULT_PRIORITY = 0
MIN_TIME = datetime(1, 1, 1, tzinfo=UTC)
MAX_TIME = datetime(9999, 1, 1, tzinfo=UTC)

Place = tuple[str, str]
"""A queue and an analysis."""


@dataclass(frozen=True, slots=True)
class TurnRange:
    """The turns of one place that a claim scans, from `begins` on and before `ends`."""

    place: Place
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class ClaimedSession:
    """A session that was claimed."""

    place: Place
    priority: int
    turn_at: datetime
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
        """The turns of each priority before which nothing is left."""
        self._exhausted_at: dict[Place, datetime] = {}
        """When a claim last left no session there."""
        self._claimed_at = (MIN_TIME, 0.0)
        """The time of the last claim in the database, and on the monotonic clock."""

    @property
    def counting(self) -> bool:
        """Return whether a claim has to count the entries that it reads."""
        return self._counting

    @property
    def since_last_claim(self) -> float:
        """Return the seconds, at most `LONGEST_SINCE`, since a moment before the last claim."""
        _, monotonic = self._claimed_at
        return min(LONGEST_SINCE, self._clock.monotonic() - monotonic + WIDE_OVERLAP.total_seconds())

    def ranges(self, places: Sequence[Place], most_crashes: int) -> Sequence[TurnRange] | None:
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
            at, monotonic = self._claimed_at
            now = at + timedelta(seconds=max(0.0, self._clock.monotonic() - monotonic)) + MARGIN
            return [part for place in places for part in self._parts(place, now, overlap)]

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
        """Record the sessions that a claim at `at` has found; `exhausted` if it left none in what it scanned.

        A claim that was filled has left nothing before the turn of its last session, whatever the priority.
        """
        with self._lock:
            if not self._slow:
                return
            self._claimed_at = at, self._clock.monotonic()
            if len(self._reached) + len(places) > MAX_PLACES:
                self._reached.clear()
                self._exhausted_at.clear()
            suspected = any(one.crashes >= SUSPECT_CRASHES for one in found)
            # a claim skips others because of a suspect
            last = max((one.turn_at for one in found if one.crashes < SUSPECT_CRASHES), default=MIN_TIME)
            for one in found:
                self._reached.setdefault(one.place, {}).setdefault(one.priority, MIN_TIME)
            for place in places:
                known = self._reached.setdefault(place, {DEFAULT_PRIORITY: MIN_TIME})
                known.setdefault(DEFAULT_PRIORITY, MIN_TIME)
                if len(known) > MAX_PRIORITIES:
                    self._reached[place] = known = {DEFAULT_PRIORITY: known[DEFAULT_PRIORITY]}
                # other claims had locked sessions since it was exhausted before
                previous = None
                if exhausted and not suspected:
                    previous = self._exhausted_at.get(place)
                    self._exhausted_at[place] = at
                for priority, reached in known.items():
                    # new sessions come behind `at`: a later position shows that the database's clock has gone back
                    new = last if previous is None else max(last, turn_of(previous, priority))
                    known[priority] = min(max(reached, new), turn_of(at, priority))

    def _parts(self, place: Place, now: datetime, overlap: timedelta) -> list[TurnRange]:
        """Return a range for the new sessions of each priority, and one from the last position to the end."""
        reached = self._reached.get(place)
        if reached is None:
            return [TurnRange(place, MIN_TIME, MAX_TIME)]
        parts: list[TurnRange] = []
        last = TurnRange(place, MIN_TIME, MIN_TIME)
        for priority in sorted(reached, key=lambda one: (reached[one], -one)):
            position = reached[priority]
            begins = position - overlap if position > MIN_TIME else MIN_TIME
            if begins > last.ends:
                parts.append(last)
                last = TurnRange(place, begins, begins)
            last = replace(last, ends=max(begins, turn_of(now, priority)))
        parts.append(replace(last, ends=MAX_TIME))
        return [part for part in parts if part.ends > MIN_TIME]
