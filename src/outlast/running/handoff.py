"""A thread-safe queue of sessions from a fleet to the worker of its process, each with a future for its result."""

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
    """What happened to a session that was handed over."""

    WORKED = "worked"
    """This worker ran its attempt, which has ended."""
    IGNORED = "ignored"
    """There was nothing to do: final, claimed by another worker, not due, unknown, or not for this worker now."""
    REFUSED = "refused"
    """The worker is stopping; another worker may claim the session."""


@dataclass(frozen=True, slots=True, eq=False)
class HandedSession:
    """One session id with the future of its result."""

    session_id: str
    result: "Future[HandoffResult]" = field(default_factory=Future[HandoffResult])

    def resolve(self, result: HandoffResult) -> None:
        if not self.result.done():
            self.result.set_result(result)


class Handoff:
    """The queue between the fleet's threads and the event loop of a worker, which may be replaced."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[HandedSession] = deque[HandedSession]()
        self._closed = False
        self._submitted_at = float("-inf")
        self._wake: Callable[[], None] | None = None

    def submit(self, session_id: str) -> "Future[HandoffResult]":
        """Hand over a session. Thread-safe; the future resolves when its attempt has ended."""
        handed = HandedSession(session_id)
        self._submitted_at = time.monotonic()
        self._put(handed, self._waiting.append)
        return handed.result

    def requeue(self, handed: HandedSession) -> None:
        """Put a session back at the front."""
        self._put(handed, self._waiting.appendleft)

    def pop(self) -> HandedSession | None:
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def idle_for(self, seconds: float) -> bool:
        """Return whether nothing was submitted for `seconds`."""
        return time.monotonic() - self._submitted_at >= seconds

    def attach(self, wake: Callable[[], None]) -> None:
        """Call `wake` in this event loop after each submission, in place of any earlier callback."""
        loop = asyncio.get_running_loop()

        def call() -> None:
            with suppress(RuntimeError):  # the loop has just closed
                loop.call_soon_threadsafe(wake)

        self._wake = call

    def close(self) -> None:
        """Refuse all waiting sessions and all later submissions."""
        with self._lock:
            self._closed = True
            waiting = list(self._waiting)
            self._waiting.clear()
        for handed in waiting:
            handed.resolve(HandoffResult.REFUSED)

    def _put(self, handed: HandedSession, put: Callable[[HandedSession], None]) -> None:
        with self._lock:
            refused = self._closed
            if not refused:
                put(handed)
        if refused:
            handed.resolve(HandoffResult.REFUSED)
        elif self._wake is not None:
            self._wake()
