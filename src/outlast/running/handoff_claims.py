"""Claims sessions that a fleet hands over, if the store confirms that they are claimable."""

import logging
from collections.abc import Callable

from outlast.core.analyses.analysis import Catalogue
from outlast.domain.errors import StoreUnavailable
from outlast.domain.retry import may_work_beside
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.clock import Clock
from outlast.ports.store import Store
from outlast.running.foreign_sessions import ForeignSessions
from outlast.running.handoff import HandedSession, Handoff, HandoffResult

log = logging.getLogger(__name__)

RETRY_DELAY = 1.0
"""Seconds before a retry while the store is unavailable."""


class HandoffClaims:
    """Claims sessions from a `Handoff` for one worker."""

    def __init__(
        self, store: Store, catalogue: Catalogue, clock: Clock, handoff: Handoff, foreign_sessions: ForeignSessions
    ) -> None:
        self.handoff = handoff
        self.in_flight = 0
        """Number of sessions popped from the handoff whose claim is not decided yet."""
        self._store = store
        self._catalogue = catalogue
        self._clock = clock
        self._foreign_sessions = foreign_sessions
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
            if session is None and stopping():  # the worker lost its lease or stops: leave it to its successor
                self.handoff.requeue(handed)
            elif session is None:
                handed.resolve(HandoffResult.IGNORED)
            return session
        except StoreUnavailable as error:
            log.warning("Worker %s cannot claim session %s: %s", worker_id, handed.session_id, error)
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
            or session.id in self._foreign_sessions
        ):
            return False
        if not may_work_beside(session.crashes, max(most_crashes(), *self._crashes_in_flight.values(), 0)):
            return False
        self._crashes_in_flight[handed] = session.crashes
        return True
