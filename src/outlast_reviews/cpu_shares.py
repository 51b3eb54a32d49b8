"""Turns at the processor for the analyses of one process: whoever has used the least of it goes first.

Python lets one thread compute at a time anyway. Left to itself it shares the time among threads, so that a small
file beside five large ones of somebody else takes six times as long.
"""

import math
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from itertools import count

from outlast import owner, report

SLICE = 0.05
"""Seconds of the processor after which a turn may pass to somebody who has used less."""
HEAD_START = 3.0
"""Seconds of the processor by which an owner who comes is ahead of everybody at most."""
PATIENCE = 0.25
"""Seconds after which nobody waits any longer for a turn in which no pause is made."""
_LOOK = 0.1
_MOST_OWNERS = 1_000


class _Place:
    """One thread in the line, or at work."""

    def __init__(self, owner: str, number: int) -> None:
        self.owner = owner
        self.number = number
        self.began = 0.0
        """By the clock of its thread: what came before is accounted for."""


class CpuShares:
    """One for a process. Used by threads; `pause` outside a turn does nothing."""

    def __init__(self, clock: Callable[[], float] = time.thread_time) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._numbers = count()
        self._used: dict[str, float] = {}
        """Seconds of the processor by owner, as long as anybody is here."""
        self._present: list[_Place] = []
        self._waiting: list[_Place] = []
        self._turn: _Place | None = None
        self._since = 0.0
        self._here = threading.local()

    @contextmanager
    def turn(self, whose: str, look: Callable[[], None]) -> Generator[None]:
        """Within it the thread computes. `look` is called now and then while it waits, and may raise."""
        place = _Place(whose, next(self._numbers))
        with self._changed:
            self._enter(place)
        try:
            self._take(place, look)
            self._here.place, self._here.look = place, look
            yield
        finally:
            self._here.place = None
            with self._changed:
                self._account(place)
                self._leave(place)

    def pause(self) -> None:
        """To be called several times a second within a turn. Returns at once while nobody has used less."""
        place: _Place | None = getattr(self._here, "place", None)
        if place is None:
            return
        with self._changed:
            if self._turn is place:
                self._since = time.monotonic()
                if self._clock() - place.began < SLICE:
                    return
            self._account(place)
            if self._turn is place:
                if not self._waiting or self._used[self._first().owner] >= self._used[place.owner]:
                    return
                self._turn = None
                self._changed.notify_all()
        self._take(place, self._here.look)

    def _enter(self, place: _Place) -> None:
        if all(one.owner != place.owner for one in self._present):
            least = min((self._used[one.owner] for one in self._present), default=0.0)
            self._used[place.owner] = max(self._used.get(place.owner, -math.inf), least - HEAD_START)
        self._present.append(place)

    def _leave(self, place: _Place) -> None:
        self._present.remove(place)
        if self._turn is place:
            self._turn = None
            self._changed.notify_all()
        if not self._present:
            self._used.clear()
        elif len(self._used) > _MOST_OWNERS:
            present = {one.owner for one in self._present}
            self._used = {owner: used for owner, used in self._used.items() if owner in present}

    def _take(self, place: _Place, look: Callable[[], None]) -> None:
        with self._changed:
            self._waiting.append(place)
            try:
                while not self._may_go(place):
                    self._changed.wait(_LOOK)
                    look()
            finally:
                self._waiting.remove(place)
                self._changed.notify_all()
            self._turn, self._since, place.began = place, time.monotonic(), self._clock()

    def _may_go(self, place: _Place) -> bool:
        free = self._turn is None or time.monotonic() - self._since >= PATIENCE
        return free and self._first() is place

    def _first(self) -> _Place:
        return min(self._waiting, key=lambda one: (self._used[one.owner], one.number))

    def _account(self, place: _Place) -> None:
        now = self._clock()
        if place.began:
            self._used[place.owner] += now - place.began
        place.began = now


_TURNS = CpuShares()


def computing() -> AbstractContextManager[None]:
    """Around what a session computes, without waiting for anybody else: its owner's turn."""
    return _TURNS.turn(owner(), report)


def tell(done: float | None = None, total: float | None = None, message: str | None = None) -> None:
    """As `report`, and the end of the turn if it is somebody else's."""
    report(done, total, message)
    _TURNS.pause()
