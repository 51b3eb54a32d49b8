"""What every installation needs done now and then: rescue from dead workers, tell the fleet again, clean up."""

import asyncio
import logging
import random
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from outlast.core.journal import Store
from outlast.core.rounds import serve_rounds
from outlast.ports.clock import Clock
from outlast.ports.dispatcher import OFFER_AGAIN_AFTER, Dispatcher
from outlast.ports.notifier import Notifier, Topic
from outlast.ports.store import Pruned

log = logging.getLogger(__name__)

RESCUE_EVERY = 1.0
"""Seconds between looks for leases that have ended, and for sessions that a fleet is to be offered."""
OFFERED_AT_ONCE = 500
"""Sessions that one look offers at most."""
PRUNE_EVERY = 3600.0
"""Seconds between clean-ups."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept, in hours."""

    sessions: float
    results: float
    uploads: float


async def prune(store: Store, clock: Clock, retention: Retention, *, dry_run: bool = False) -> Pruned:
    """Delete what is older than its retention; a dry run only counts."""
    now = clock.now()
    return await store.prune(
        sessions_before=now - timedelta(hours=retention.sessions),
        results_before=now - timedelta(hours=retention.results),
        uploads_before=now - timedelta(hours=retention.uploads),
        dry_run=dry_run,
    )


class Maintenance:
    """Runs in every process that serves or works; all of them may do so at once."""

    def __init__(
        self,
        store: Store,
        notifier: Notifier,
        clock: Clock,
        rng: random.Random,
        retention: Retention,
        dispatcher: Dispatcher | None = None,
    ) -> None:
        self._store = store
        self._notifier = notifier
        self._clock = clock
        self._rng = rng
        self._retention = retention
        self._dispatcher = dispatcher
        self._told = asyncio.Event()
        # the processes of one installation do not all clean up at the same moment
        self._pruned = clock.monotonic() - PRUNE_EVERY * rng.uniform(0.5, 1.0)

    async def run(self) -> None:
        """Until cancelled."""
        await serve_rounds("Maintenance", self._round)

    async def _round(self) -> None:
        self._told.clear()
        self.tell(await self._store.rescue())
        await self._offer()
        if self._clock.monotonic() - self._pruned >= PRUNE_EVERY:
            self._pruned = self._clock.monotonic()
            log.info("Cleaned up: %s", await prune(self._store, self._clock, self._retention))
        with suppress(TimeoutError):
            async with asyncio.timeout(RESCUE_EVERY * self._rng.uniform(0.8, 1.2)):
                await self._told.wait()

    async def _offer(self) -> None:
        """Tell the fleet of what became available again, and once more of what waits long."""
        if self._dispatcher is None:
            return
        due = await self._store.offer(again_after=OFFER_AGAIN_AFTER, limit=OFFERED_AT_ONCE)
        if due:
            self._dispatcher.dispatch(due)

    def tell(self, rescued: list[str]) -> None:
        """Wake those who wait for these sessions."""
        if rescued:
            log.warning("Took %d session(s) back from a dead worker.", len(rescued))
            self._notifier.publish(Topic.WAITING, [""])
            self._notifier.publish(Topic.CHANGED, rescued)
            self._told.set()
