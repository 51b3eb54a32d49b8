"""The journal of one attempt: kept steps and uploads, fenced by the claim; retries while the store is away."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeVar

from outlast.domain.errors import ClaimLost, Permanent, StoreUnavailable
from outlast.domain.session import AnalysisSession, Claim, KeptStep
from outlast.ports.blobs import Blobs
from outlast.ports.clock import Clock
from outlast.ports.facts import FactStore
from outlast.ports.overview import Overview
from outlast.ports.results import Results
from outlast.ports.shares import Shares
from outlast.ports.storage import Storage
from outlast.ports.store import SessionStore
from outlast.ports.workers import WorkerRegistry

T = TypeVar("T")


class Store(SessionStore, Overview, Results, Shares, Blobs, Storage, FactStore, WorkerRegistry, Protocol):
    """All ports that one database implements."""


async def patiently(work: Callable[[], Awaitable[T]], clock: Clock, rng: random.Random) -> T:
    """Return the value of `work`, retrying with full jitter while the store is unavailable."""
    limit = 0.1
    while True:
        try:
            return await work()
        except StoreUnavailable:
            await clock.sleep(rng.uniform(0, limit))
            limit = min(5.0, limit * 2)


class OwnedUploads:
    """The uploads of one owner, as analysis code reads them."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner

    async def upload(self, sha256: str) -> AsyncIterator[bytes]:
        """Yield the content in chunks; raises `Permanent` if there is no such upload."""
        await self.upload_name(sha256)
        async for chunk in self._store.chunks(self._owner, sha256):
            yield chunk

    async def upload_name(self, sha256: str) -> str:
        """Return the file name; raises `Permanent` if there is no such upload."""
        stored = await self._store.find(self._owner, sha256)
        if stored is None:
            raise Permanent("The uploaded file has expired. Please upload it again.")
        return stored.name


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
        self._lapsed = lapsed
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
                found = await patiently(lambda: self._store.kept_steps(self._session.id), self._clock, self._rng)
                self._kept = {kept.call: kept for kept in found}
        return self._kept.pop(call, None)

    async def keep(self, kept: KeptStep) -> None:
        def write() -> Awaitable[bool]:
            return self._store.keep_step(self._claim, kept)

        if self._closed or not await patiently(write, self._clock, self._rng):
            raise ClaimLost("Another worker has this session now.")
