"""Limits on how many sessions with one key run at once, and on how many attempts begin in a minute."""

import json
from collections import Counter
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

WINDOW: Final = 60.0
"""Seconds in which at most `per_minute` attempts begin."""
BURST_SECONDS: Final = 2.0
"""Attempts that a rate allowed within this time, but that did not begin, may begin at once: workers look once a
second."""


@dataclass(frozen=True, slots=True)
class KeyLimit:
    """One key of a session and its limits, as the code that started the session declared them."""

    key: str
    most: int | None
    """Sessions with this key that run at once."""
    per_minute: float | None
    """Attempts with this key that begin within any minute."""

    @property
    def interval(self) -> float:
        """Seconds between two attempts at the full rate, a little more than the rate says.

        After a burst no more than `per_minute` attempts begin within a minute either.
        """
        return 0.0 if self.per_minute is None else (WINDOW + BURST_SECONDS) / self.per_minute


def dump_limits(limits: Sequence[KeyLimit]) -> str | None:
    """Return the limits as JSON: a list of [key, most, per minute]; `None` without any."""
    if not limits:
        return None
    flat = [[one.key, one.most, one.per_minute] for one in limits]
    return json.dumps(flat, ensure_ascii=False, separators=(",", ":"))


def load_limits(text: str | None) -> list[KeyLimit]:
    """Parse what `dump_limits` returned."""
    return [] if text is None else [KeyLimit(*one) for one in json.loads(text)]


class Verdict(Enum):
    """Whether a session may run now."""

    RUN = auto()
    FULL = auto()
    """One of its keys has reached a limit."""
    TAKEN = auto()
    """Sessions that were admitted before it in the same claim may take the last places of a key."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on one session, and the key that decided it."""

    verdict: Verdict
    key: str | None = None
    until: float | None = None
    """When the key allows another attempt, in seconds of the epoch; `None`: when a session with it ends."""


@dataclass(slots=True)
class Admission:
    """Decides about the sessions of one claim, one after the other."""

    now: float
    """Seconds of the epoch."""
    in_use: Mapping[str, int]
    """Sessions that run, by key."""
    next_at: MutableMapping[str, float]
    """When the next attempt may begin at the full rate, by key, in seconds of the epoch."""
    _admitted: Counter[str] = field(default_factory=Counter[str])
    _begun: dict[str, float] = field(default_factory=dict[str, float])

    def decide(self, limits: Sequence[KeyLimit], *, counts: bool = True) -> Decision:
        """Decide about the next session, and count it if it may run, unless it is not going to be claimed now."""
        taken: str | None = None
        for one in limits:
            running, allowed_at = self.in_use.get(one.key, 0), self._allowed_at(one, self.next_at)
            if one.most is not None and running >= one.most:
                return Decision(Verdict.FULL, one.key)
            if allowed_at > self.now:
                return Decision(Verdict.FULL, one.key, allowed_at)
            crowded = one.most is not None and running + self._admitted[one.key] >= one.most
            if crowded or self._allowed_at(one, self._begun) > self.now:
                taken = taken or one.key
        if taken is not None:
            return Decision(Verdict.TAKEN, taken)
        for one in limits if counts else ():
            self._admitted[one.key] += 1
            if one.per_minute is not None:
                self._begun[one.key] = self._after(one, self._begun.get(one.key, self.next_at.get(one.key, 0.0)))
        return Decision(Verdict.RUN)

    def begin(self, limits: Sequence[KeyLimit]) -> dict[str, float]:
        """Count an attempt that begins; return the new `next_at` of its keys with a rate."""
        changed: dict[str, float] = {}
        for one in limits:
            if one.per_minute is not None:
                changed[one.key] = self._after(one, self.next_at.get(one.key, 0.0))
        self.next_at.update(changed)
        return changed

    def _allowed_at(self, limit: KeyLimit, next_at: Mapping[str, float]) -> float:
        if limit.per_minute is None:
            return 0.0
        # a time in the far future was written before the clock went back
        soonest = self.now + limit.interval + BURST_SECONDS
        return min(next_at.get(limit.key, 0.0), soonest) - BURST_SECONDS

    def _after(self, limit: KeyLimit, next_at: float) -> float:
        return max(self.now, min(next_at, self.now + limit.interval + BURST_SECONDS)) + limit.interval
