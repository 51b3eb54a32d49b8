"""The handoff of sessions from a fleet to the worker of its process: a thread-safe queue, and its claims."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Container
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from outlast.core.analyses.catalogue import Catalogue
from outlast.core.store_outage import StoreOutage
from outlast.domain.crash_policy import may_run_beside
from outlast.domain.errors import StoreUnavailable
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.clock import Clock
from outlast.ports.store import Store

CLAIMS = "A worker's claim of a handed session"
"""What waits for the store, for the log."""
RETRY_DELAY = 1.0
"""Seconds before a retry while the store is unavailable."""


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


class HandoffClaims:
    """Claims sessions from a `Handoff` for one worker."""

    def __init__(
        self,
        store: Store,
        catalogue: Catalogue,
        clock: Clock,
        handoff: Handoff,
        passing_over: Container[str],
        outage: StoreOutage | None = None,
    ) -> None:
        """`passing_over` contains the ids of sessions that this worker leaves to others."""
        self.handoff = handoff
        self.in_flight = 0
        """Number of sessions popped from the handoff whose claim is not decided yet."""
        self._store = store
        self._catalogue = catalogue
        self._clock = clock
        self._passing_over = passing_over
        self._outage = outage or StoreOutage()
        self._crashes_in_flight: dict[HandedSession, int] = {}
        """Crash count of each session whose claim is in flight."""

    def next(self) -> HandedSession | None:
        """Pop the next session; the caller must pass it to `claim`."""
        handed = self.handoff.pop()
        if handed is not None:
            self.in_flight += 1
        return handed

    async def claim(
        self, handed: HandedSession, worker_id: str, most_crashes: Callable[[], int], stopping: Callable[[], bool]
    ) -> AnalysisSession | None:
        """Claim and return the session, or return `None` after resolving or requeuing `handed`.

        A suspect never runs beside another session that has crashed before: the later one is ignored, and
        maintenance dispatches it again.
        """
        try:
            if stopping():
                session = None
            elif await self._is_claimable(handed, most_crashes):
                session = await self._store.claim_one(worker_id, handed.session_id)
            else:
                handed.resolve(HandoffResult.IGNORED)
                return None
            self._outage.answered(CLAIMS)
            if session is None and stopping():  # the worker lost its lease or stops: leave it to its successor
                self.handoff.requeue(handed)
            elif session is None:
                handed.resolve(HandoffResult.IGNORED)
            return session
        except StoreUnavailable as error:
            self._outage.failed(CLAIMS, error)
            await self._clock.sleep(RETRY_DELAY)
            self.handoff.requeue(handed)
            return None
        finally:
            self.in_flight -= 1
            self._crashes_in_flight.pop(handed, None)

    async def _is_claimable(self, handed: HandedSession, most_crashes: Callable[[], int]) -> bool:
        """Check by a read whether to claim; this spares most duplicate and late messages a write."""
        session = await self._store.get(handed.session_id, owner=None)
        if (
            session is None
            or session.status is not Status.PENDING
            or session.analysis not in self._catalogue.names
            or session.id in self._passing_over
        ):
            return False
        if not may_run_beside(session.crashes, max(most_crashes(), *self._crashes_in_flight.values(), 0)):
            return False
        self._crashes_in_flight[handed] = session.crashes
        return True
