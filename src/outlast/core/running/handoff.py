"""Sessions that a fleet hands to the worker of its process, from any thread, each with the future of its end."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum


class HandoffResult(StrEnum):
    """What became of a session that was handed over."""

    WORKED = "worked"
    """Its attempt was made here and has ended."""
    IGNORED = "ignored"
    """There was nothing to do: final, claimed by another, not due, unknown, or not for this worker now."""
    REFUSED = "refused"
    """The worker is stopping; another may take it."""


@dataclass(frozen=True, slots=True, eq=False)
class HandedSession:
    """One session id, and where to say what became of it."""

    session_id: str
    taken: "Future[HandoffResult]" = field(default_factory=Future[HandoffResult])

    def answer(self, taken: HandoffResult) -> None:
        if not self.taken.done():
            self.taken.set_result(taken)


class Handoff:
    """Between the threads of a fleet's program and the event loop of its worker, who may be replaced."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[HandedSession] = deque[HandedSession]()
        self._closed = False
        self._handed_at = float("-inf")
        self._wake: Callable[[], None] | None = None

    def take(self, session_id: str) -> "Future[HandoffResult]":
        """Hand a session over, from any thread; the future resolves when its attempt has ended."""
        handed = HandedSession(session_id)
        self._handed_at = time.monotonic()
        self._put(handed, self._waiting.append)
        return handed.taken

    def put_back(self, handed: HandedSession) -> None:
        """It could not be looked at now: the next one to be."""
        self._put(handed, self._waiting.appendleft)

    def next(self) -> HandedSession | None:
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def silent_for(self, seconds: float) -> bool:
        """Nothing was handed over for so long."""
        return time.monotonic() - self._handed_at >= seconds

    def attach(self, wake: Callable[[], None]) -> None:
        """Call `wake` in this event loop whenever something is handed over; instead of whoever was here before."""
        loop = asyncio.get_running_loop()

        def call() -> None:
            with suppress(RuntimeError):  # the loop has just closed
                loop.call_soon_threadsafe(wake)

        self._wake = call

    def close(self) -> None:
        """Refuse what waits, and whatever comes."""
        with self._lock:
            self._closed = True
            waiting = list(self._waiting)
            self._waiting.clear()
        for handed in waiting:
            handed.answer(HandoffResult.REFUSED)

    def _put(self, handed: HandedSession, put: Callable[[HandedSession], None]) -> None:
        with self._lock:
            refused = self._closed
            if not refused:
                put(handed)
        if refused:
            handed.answer(HandoffResult.REFUSED)
        elif self._wake is not None:
            self._wake()
