"""The journal of one attempt: kept steps and uploads, fenced by the claim; retries during outages."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from outlast.core.analyses.upload import OwnedUploads
from outlast.core.service_loop import retry_until_available
from outlast.domain.errors import ClaimLost
from outlast.domain.session import AnalysisSession, Claim, KeptStep
from outlast.ports.clock import Clock
from outlast.ports.store import Store


class StoreJournal(OwnedUploads):
    """The journal of one attempt, backed by the store."""

    def __init__(
        self,
        store: Store,
        session: AnalysisSession,
        clock: Clock,
        rng: random.Random,
        lapsed: Callable[[], bool] = lambda: False,
    ) -> None:
        """`lapsed` returns whether the worker's lease may have lapsed, by the worker's clock."""
        super().__init__(store, session.owner)
        self._store = store
        self._lapsed = lapsed
        self.session_id = session.id
        self.owner = session.owner
        self._session = session
        self._claim = Claim(session.id, session.claim)
        self._clock = clock
        self._rng = rng
        self._kept: dict[str, KeptStep] | None = None if session.claim > 1 else {}
        self._loading = asyncio.Lock()
        self._closed = False

    def close(self) -> None:
        """Refuse later writes of an abandoned thread."""
        self._closed = True

    async def kept(self, call: str) -> KeptStep | None:
        """Return the kept result of this call. Raises `ClaimLost` before any work if the lease may have lapsed.

        A worker resumes from suspension before it learns that another may have claimed and run its sessions.
        """
        if self._lapsed():
            raise ClaimLost("The lease of this worker has ended.")
        async with self._loading:
            if self._kept is None:
                found = await retry_until_available(
                    lambda: self._store.kept_steps(self._session.id), self._clock, self._rng
                )
                self._kept = {kept.call: kept for kept in found}
        return self._kept.pop(call, None)

    async def keep(self, kept: KeptStep) -> None:
        def write() -> Awaitable[bool]:
            return self._store.keep_step(self._claim, kept)

        if self._closed or not await retry_until_available(write, self._clock, self._rng):
            raise ClaimLost("Another worker has this session now.")
