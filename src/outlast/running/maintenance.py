"""Periodic maintenance: rescue sessions from dead workers, dispatch waiting sessions to the fleet, prune."""

import asyncio
import logging
import random
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import time, timedelta

from outlast.core.metric_counts import MetricCounts
from outlast.core.metric_samples import MetricSampler
from outlast.core.service_loop import retry_until_available, run_forever
from outlast.core.store_outage import StoreOutage
from outlast.domain.crash_policy import Death
from outlast.domain.errors import StoreUnavailable
from outlast.domain.lease_observer import Heartbeat, LeaseObserver
from outlast.ports.clock import Clock
from outlast.ports.dispatcher import OFFER_AGAIN_AFTER, Dispatcher
from outlast.ports.notifier import Notifier, Topic
from outlast.ports.store import Pruned, Store
from outlast.ports.workers import LEASE
from outlast.running.cleanup_time import RETRY_AFTER, CleanupTime
from outlast.running.process_identity import has_ended, pid_of
from outlast.running.session_log import log_rescue

log = logging.getLogger(__name__)

RESCUE_EVERY = 1.0
"""Seconds between checks of heartbeats and of sessions due for dispatch to a fleet."""
UNSEEN_DEATH = "is gone, and nobody saw how it ended"
"""Cause of a death that is certain but that no supervisor observed."""
UNSEEN = -1
"""A version that no session has."""
OFFER_BATCH = 500
"""Maximum number of sessions dispatched per check."""
END_FUTURE_WAITS_EVERY = 30.0
"""Seconds between checks for sessions delayed because the wall clock was set back."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Retention times, in hours, and when what is older is deleted."""

    sessions: float
    """For completed and cancelled sessions."""
    results: float
    uploads: float
    failed: float = 168.0
    """For failed sessions, which people look into."""
    prune_at: time | None = None
    """The time of day at which processes prune; `None`: once an hour."""


async def prune(store: Store, clock: Clock, retention: Retention, *, dry_run: bool = False) -> Pruned:
    """Delete everything older than its retention; with `dry_run`, only count it."""
    now = clock.now()
    return await store.prune(
        sessions_before=now - timedelta(hours=retention.sessions),
        failed_before=now - timedelta(hours=retention.failed),
        results_before=now - timedelta(hours=retention.results),
        uploads_before=now - timedelta(hours=retention.uploads),
        dry_run=dry_run,
    )


class Maintenance:
    """The maintenance loop. Every server and worker process runs one; they may run concurrently."""

    def __init__(
        self,
        store: Store,
        notifier: Notifier,
        clock: Clock,
        rng: random.Random,
        retention: Retention,
        dispatcher: Dispatcher | None = None,
        *,
        metric_counts: MetricCounts | None = None,
        deliver: Callable[[], Awaitable[None]] | None = None,
        has_ended: Callable[[str], bool] = has_ended,
        outage: StoreOutage | None = None,
    ) -> None:
        self._store = store
        self._notifier = notifier
        self._clock = clock
        self._rng = rng
        self._retention = retention
        self._dispatcher = dispatcher
        self._metric_counts = metric_counts or MetricCounts()
        self._deliver = deliver
        self._observer = LeaseObserver(LEASE)
        self._has_ended = has_ended
        self._outage = outage or StoreOutage()
        self._sampler = MetricSampler(store, clock)
        self._host = socket.gethostname()
        self._wake = asyncio.Event()
        self._future_waits_ended_at = clock.monotonic() - END_FUTURE_WAITS_EVERY * rng.uniform(0.5, 1.0)
        self._cleanup_time = CleanupTime(clock, rng, retention.prune_at)

    async def run(self) -> None:
        """Run until cancelled."""
        await run_forever("Maintenance", self._run_once, self._outage)

    async def _run_once(self) -> None:
        self._wake.clear()
        await self._do_what_is_due()
        with suppress(TimeoutError):
            next_lapse = self._observer.next_lapse() - self._clock.monotonic()
            async with asyncio.timeout(max(0.0, min(RESCUE_EVERY * self._rng.uniform(0.8, 1.2), next_lapse))):
                await self._wake.wait()

    async def _do_what_is_due(self) -> None:
        await self._rescue()
        await self._offer()
        await self._sampler.sample()
        if self._clock.monotonic() - self._future_waits_ended_at >= END_FUTURE_WAITS_EVERY:
            self._future_waits_ended_at = self._clock.monotonic()
            if ended := await self._store.end_future_waits():
                log.warning("The wall clock was set back; %d delayed session(s) are available now.", ended)
        await self._clean_up()
        if self._deliver is not None:  # last, as a start may be refused: what frees the disk comes before
            await self._deliver()

    async def _clean_up(self) -> None:
        if not self._cleanup_time.is_due():
            return
        try:
            log.info("Pruned: %s", await prune(self._store, self._clock, self._retention))
        except StoreUnavailable as error:
            self._cleanup_time.failed()
            log.warning("The cleanup has failed and will be repeated in %d s: %s", RETRY_AFTER, error)
        else:
            self._cleanup_time.succeeded()

    async def _rescue(self) -> None:
        sent_at = self._clock.monotonic()
        beats = await self._store.heartbeats()
        received_at = self._clock.monotonic()
        deaths = list(filter(None, map(self._death_of, beats)))
        dead = {death.worker_id for death in deaths}
        lapsed = self._observer.check([b for b in beats if b.worker_id not in dead], sent_at, received_at)
        try:
            for death in deaths:
                log.warning("%s", death.sentence)
                await self._report_rescued(
                    await self._store.rescue_worker(death.worker_id, death), seen_to_die=True
                )
            if lapsed:
                log.warning("Leases lapsed without a heartbeat: %s.", ", ".join(b.worker_id for b in lapsed))
                await self._report_rescued(await self._store.rescue(lapsed), seen_to_die=False)
        except StoreUnavailable:
            self._observer.reset()
            raise

    def _death_of(self, beat: Heartbeat) -> Death | None:
        """Return the death of an unsupervised worker if its process on this machine has ended."""
        if beat.process is None or not self._has_ended(beat.process):
            return None
        return Death(beat.worker_id, UNSEEN_DEATH, self._host, pid_of(beat.process))

    async def record_death(self, death: Death) -> bool:
        """Rescue the sessions of a dead worker, retrying until the store is available.

        Returns whether it held any.
        """
        store, worker_id = self._store, death.worker_id
        rescued = await retry_until_available(
            lambda: store.rescue_worker(worker_id, death), self._clock, self._rng, self._outage
        )
        await self._report_rescued(rescued, seen_to_die=True)
        return bool(rescued)

    async def _offer(self) -> None:
        """Dispatch sessions that became available again, and once more those that wait for long."""
        if self._dispatcher is None:
            return
        due = await self._store.offer(again_after=OFFER_AGAIN_AFTER, limit=OFFER_BATCH)
        if due:
            self._dispatcher.dispatch(due)

    async def _report_rescued(self, rescued: list[str], *, seen_to_die: bool) -> None:
        """Publish hints about rescued sessions, count them, and log how their attempts ended."""
        if not rescued:
            return
        self._notifier.publish(Topic.WAITING, [""])
        self._notifier.publish(Topic.CHANGED, rescued)
        self._wake.set()
        with suppress(StoreUnavailable):  # the sessions are safe already
            sessions = await self._store.changed(dict.fromkeys(rescued, UNSEEN))
            self._metric_counts.rescued(sessions, seen_to_die=seen_to_die)
            last = await self._store.last_attempts(rescued)
            for session in sessions:
                if session.id in last:
                    log_rescue(session, last[session.id])
