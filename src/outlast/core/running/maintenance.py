"""What every installation needs done now and then: rescue from dead workers, tell the fleet again, clean up."""

import asyncio
import logging
import random
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from outlast.core.running.process_identity import has_ended, pid_of
from outlast.core.running.service_loop import serve_rounds
from outlast.core.running.step_journal import Store, patiently
from outlast.domain.crash_policy import Death
from outlast.domain.errors import StoreUnavailable
from outlast.domain.lease_observer import Heartbeat, LeaseObserver
from outlast.ports.clock import Clock
from outlast.ports.dispatcher import OFFER_AGAIN_AFTER, Dispatcher
from outlast.ports.notifier import Notifier, Topic
from outlast.ports.store import Pruned
from outlast.ports.workers import LEASE

log = logging.getLogger(__name__)

RESCUE_EVERY = 1.0
"""Seconds between looks at the beats of workers, and at sessions that a fleet is to be offered."""
UNSEEN = "is gone, and nobody saw how it ended"
"""The cause of a death that is certain and had no witness."""
OFFERED_AT_ONCE = 500
"""Sessions that one look offers at most."""
LOOK_AHEAD_EVERY = 30.0
"""Seconds between looks for sessions that wait because the wall clock went back."""
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
        *,
        has_ended: Callable[[str], bool] = has_ended,
    ) -> None:
        self._store = store
        self._notifier = notifier
        self._clock = clock
        self._rng = rng
        self._retention = retention
        self._dispatcher = dispatcher
        self._observer = LeaseObserver(LEASE)
        self._has_ended = has_ended
        self._host = socket.gethostname()
        self._told = asyncio.Event()
        self._looked_ahead = clock.monotonic() - LOOK_AHEAD_EVERY * rng.uniform(0.5, 1.0)
        # the processes of one installation do not all clean up at the same moment
        self._pruned = clock.monotonic() - PRUNE_EVERY * rng.uniform(0.5, 1.0)

    async def run(self) -> None:
        """Until cancelled."""
        await serve_rounds("Maintenance", self._round)

    async def _round(self) -> None:
        self._told.clear()
        await self._rescue()
        await self._offer()
        if self._clock.monotonic() - self._looked_ahead >= LOOK_AHEAD_EVERY:
            self._looked_ahead = self._clock.monotonic()
            if ended := await self._store.end_future_waits():
                log.warning("The wall clock has gone back; %d session(s) wait no longer.", ended)
        if self._clock.monotonic() - self._pruned >= PRUNE_EVERY:
            self._pruned = self._clock.monotonic()
            log.info("Cleaned up: %s", await prune(self._store, self._clock, self._retention))
        with suppress(TimeoutError):
            next_lapse = self._observer.next_lapse() - self._clock.monotonic()
            async with asyncio.timeout(max(0.0, min(RESCUE_EVERY * self._rng.uniform(0.8, 1.2), next_lapse))):
                await self._told.wait()

    async def _rescue(self) -> None:
        asked = self._clock.monotonic()
        beats = await self._store.beats()
        answered = self._clock.monotonic()
        deaths = list(filter(None, map(self._death_of, beats)))
        dead = {death.worker_id for death in deaths}
        lapsed = self._observer.look([b for b in beats if b.worker_id not in dead], asked, answered)
        try:
            for death in deaths:
                log.warning("%s", death.sentence)
                self.tell(await self._store.rescue_worker(death.worker_id, death))
            if lapsed:
                log.warning("No beat of %s for the time of a lease.", ", ".join(b.worker_id for b in lapsed))
                self.tell(await self._store.rescue(lapsed))
        except StoreUnavailable:
            self._observer.begin_anew()
            raise

    def _death_of(self, beat: Heartbeat) -> Death | None:
        """The death of a worker that nobody supervises, whose process has ended on this machine."""
        if beat.process is None or not self._has_ended(beat.process):
            return None
        return Death(beat.worker_id, UNSEEN, self._host, pid_of(beat.process))

    async def record_death(self, death: Death) -> bool:
        """Take back what a dead worker held, however long the store is away: a crash written late is one too.

        Answers whether it held any.
        """
        store, worker_id = self._store, death.worker_id
        rescued = await patiently(lambda: store.rescue_worker(worker_id, death), self._clock, self._rng)
        self.tell(rescued)
        return bool(rescued)

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
            log.warning("Took %d session(s) back from a worker that is dead or silent.", len(rescued))
            self._notifier.publish(Topic.WAITING, [""])
            self._notifier.publish(Topic.CHANGED, rescued)
            self._told.set()
