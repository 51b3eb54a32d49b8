"""Which of the sessions that a fleet hands over are claimed: the store decides, whatever the messages say."""

import logging
from collections.abc import Callable

from outlast.core.analysis import Catalogue
from outlast.core.running.foreign_sessions import ForeignSessions
from outlast.core.running.handoff import HandedSession, Handoff, HandoffResult
from outlast.core.running.step_journal import Store
from outlast.domain.errors import StoreUnavailable
from outlast.domain.retry import may_work_beside
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.clock import Clock

log = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds before another look when the store was away."""


class HandoffClaims:
    """One worker's side of an inbox."""

    def __init__(
        self, store: Store, catalogue: Catalogue, clock: Clock, inbox: Handoff, foreign: ForeignSessions
    ) -> None:
        self.inbox = inbox
        self.claiming = 0
        """So many are on their way from the inbox to a claim."""
        self._store = store
        self._catalogue = catalogue
        self._clock = clock
        self._foreign = foreign
        self._coming: dict[HandedSession, int] = {}
        """Crashes of what is being claimed."""

    def next(self) -> HandedSession | None:
        """Whoever takes one out calls `claim` with it."""
        handed = self.inbox.next()
        if handed is not None:
            self.claiming += 1
        return handed

    async def claim(
        self, handed: HandedSession, worker_id: str, most_crashes: Callable[[], int], leaving: Callable[[], bool]
    ) -> AnalysisSession | None:
        """The session, claimed; or `None`, and `handed` has its answer or is back in the inbox.

        A suspect and another that has fallen before are not taken together: the later is ignored, and offered
        again.
        """
        try:
            if leaving():
                session = None
            elif await self._wanted(handed, most_crashes):
                session = await self._store.claim_one(worker_id, handed.session_id)
            else:
                handed.answer(HandoffResult.IGNORED)
                return None
            if session is None and leaving():  # the lease was lost, or the worker stops: the next one looks
                self.inbox.put_back(handed)
            elif session is None:
                handed.answer(HandoffResult.IGNORED)
            return session
        except StoreUnavailable as error:
            log.warning("Cannot claim: %s", error)
            await self._clock.sleep(PAUSE)
            self.inbox.put_back(handed)
            return None
        finally:
            self.claiming -= 1
            self._coming.pop(handed, None)

    async def _wanted(self, handed: HandedSession, most_crashes: Callable[[], int]) -> bool:
        """A look that spares most doubled and late messages a write."""
        session = await self._store.get(handed.session_id, owner=None)
        if (
            session is None
            or session.status is not Status.PENDING
            or session.analysis not in self._catalogue.names
            or session.id in self._foreign
        ):
            return False
        if not may_work_beside(session.crashes, max(most_crashes(), *self._coming.values(), 0)):
            return False
        self._coming[handed] = session.crashes
        return True
