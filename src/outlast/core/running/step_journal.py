"""Kept steps and uploads of one claimed session, fenced by its claim and patient with the store."""

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
    """All that one database gives."""


async def patiently(work: Callable[[], Awaitable[T]], clock: Clock, rng: random.Random) -> T:
    """The value of `work`, repeated with full jitter while the store is unavailable."""
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
        """Raises `Permanent` when there is none."""
        await self.upload_name(sha256)
        async for chunk in self._store.chunks(self._owner, sha256):
            yield chunk

    async def upload_name(self, sha256: str) -> str:
        """What its file was called. Raises `Permanent` when there is none."""
        stored = await self._store.find(self._owner, sha256)
        if stored is None:
            raise Permanent("The uploaded file has expired. Please upload it again.")
        return stored.name


class StoreJournal(OwnedUploads):
    """What one attempt keeps."""

    def __init__(
        self,
        store: Store,
        session: AnalysisSession,
        clock: Clock,
        rng: random.Random,
        lapsed: Callable[[], bool] = lambda: False,
    ) -> None:
        """`lapsed` tells whether the worker's lease may have ended, by its own clock."""
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
        """Refuse all that an abandoned thread still wants to keep."""
        self._closed = True

    async def kept(self, call: str) -> KeptStep | None:
        """The result of this call. Raises `ClaimLost` where the lease may have ended, before any work is done.

        A worker that was frozen goes on before it learns that others have its sessions, and did this step perhaps.
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
