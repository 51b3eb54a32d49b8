"""A supervisor in the store: it is registered, follows what operators ask of it, and scales its workers."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

from outlast.core.queue_states import longest_wait
from outlast.core.service_loop import run_forever
from outlast.core.store_outage import StoreOutage
from outlast.domain.autoscaling import Autoscaler, Load
from outlast.domain.errors import StoreUnavailable
from outlast.domain.worker_control import ControlRequest, WorkerCommand, WorkerKind
from outlast.ports.clock import Clock
from outlast.ports.notifier import Notifier, Topic
from outlast.ports.store import Store
from outlast.ports.workers import RENEW_EVERY, Lease, WorkerInfo, WorkerReport
from outlast.running.memory_use import resident_bytes
from outlast.running.supervisor import Place, Supervisor

log = logging.getLogger(__name__)

RETRY_EVERY = 1.0
"""Seconds between two tries to register."""
SCALE_EVERY = 1.0
"""Seconds between two looks at the load."""
RENEWALS = "The supervisor's lease"
"""What waits for the store, for the log."""
RELEASE_WITHIN = 1.0
"""Seconds that the end of a supervisor may spend on its row in the store."""
SLOW_LOOK = 20
"""The pause between two looks is this many times as long as one takes, as millions of sessions may wait."""


class SupervisorControl:
    """Keeps a supervisor registered, and follows the requests that arrive with each renewal."""

    def __init__(
        self, supervisor: Supervisor, info: WorkerInfo, store: Store, notifier: Notifier, outage: StoreOutage
    ) -> None:
        self._supervisor = supervisor
        self._info = replace(info, kind=WorkerKind.SUPERVISOR, concurrency=supervisor.count)
        self._store = store
        self._notifier = notifier
        self._outage = outage
        self._followed = 0
        self._registered = False
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Run until cancelled."""
        subscription = await self._notifier.subscribe([Topic.CONTROL], self._on_hint)
        self._loop = asyncio.get_running_loop()
        lease = self._store.lease()
        with ThreadPoolExecutor(1, "supervisor-lease") as thread:  # a lease belongs to one thread
            try:
                while True:
                    self._wake.clear()
                    await self._loop.run_in_executor(thread, self._keep, lease)
                    await self._wait(RENEW_EVERY if self._registered else RETRY_EVERY)
            finally:
                await subscription.close()
                with suppress(StoreUnavailable, TimeoutError):
                    async with asyncio.timeout(RELEASE_WITHIN):
                        await self._store.release_worker(self._info.id)
                await self._loop.run_in_executor(thread, lease.close)

    def _keep(self, lease: Lease) -> None:
        """Register the supervisor or renew its lease, in the thread."""
        try:
            if not self._registered:
                lease.register(self._info)
                self._registered = True
            self._registered = self._renew(lease)
            self._outage.answered(RENEWALS)
        except StoreUnavailable as error:
            self._outage.failed(RENEWALS, error)

    def _renew(self, lease: Lease) -> bool:
        """Renew the lease, in the thread; return whether the supervisor is still registered."""
        report = WorkerReport(self._supervisor.state, resident_bytes(), followed=self._followed)
        renewal = lease.renew(self._info.id, report)
        if renewal is None:  # it was frozen for longer than a lease: its requests are gone with its row
            self._followed = 0
        if renewal is not None and renewal.request is not None:
            self._loop.call_soon_threadsafe(self._follow, renewal.request)
        return renewal is not None

    def _follow(self, request: ControlRequest) -> None:
        if request.number <= self._followed:
            return
        self._followed = request.number
        log.info("Supervisor %s was asked to %s.", self._info.id, request.command)
        supervisor = self._supervisor
        now = request.command is WorkerCommand.STOP_NOW
        match request.command:
            case WorkerCommand.STOP | WorkerCommand.STOP_NOW:
                supervisor.stop_workers(now=now)
            case WorkerCommand.DRAIN:
                supervisor.drain_workers()
            case WorkerCommand.RESTART:
                supervisor.restart_workers()
            case _:
                pass
        self._wake.set()

    def _on_hint(self, topic: Topic, key: str) -> None:  # noqa: ARG002 - the listener's signature
        if key == self._info.id:
            self._wake.set()

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()


async def scale(
    supervisor: Supervisor, scaler: Autoscaler, info: WorkerInfo, store: Store, clock: Clock, outage: StoreOutage
) -> None:
    """Add and remove workers of the supervisor by the load on their queues and analyses, until cancelled.

    No work is cut: a worker that is not needed any more ends after its last session. Nothing changes while a
    worker is paused or stopped.
    """

    async def look() -> None:
        began = clock.monotonic()
        places = supervisor.places
        held = {w.id: w.in_flight for w in await store.workers()}
        if places and not any(place.worker and place.worker.paused for place in places):
            load = await load_of(store, clock, info.queues, info.analyses, sum(_held(p, held) for p in places))
            wanted = scaler.wanted(len(places), load, clock.monotonic())
            if wanted != len(places):
                log.info(
                    "Scaling from %d to %d worker(s): %d session(s) wait, the oldest for %.0f s.",
                    len(places),
                    wanted,
                    load.waiting,
                    load.oldest,
                )
            for _ in range(wanted - len(places)):
                supervisor.add_place()
            for place in sorted(places, key=lambda p: _held(p, held))[: max(0, len(places) - wanted)]:
                supervisor.remove(place)
        await asyncio.sleep(max(SCALE_EVERY, SLOW_LOOK * (clock.monotonic() - began)))

    await run_forever("Autoscaling", look, outage)


async def load_of(
    store: Store, clock: Clock, queues: Collection[str], analyses: Collection[str], in_flight: int
) -> Load:
    """Return what more workers would help with: neither paused sessions nor those that wait for a limit."""
    pauses = await store.pauses()
    depths = [
        d
        for d in await store.depths()
        if d.queue in queues and d.analysis in analyses and not any(p.covers(d.queue, d.analysis) for p in pauses)
    ]
    oldest = longest_wait([d for d in depths if not d.blocked], clock.now())
    waiting = sum(d.waiting - d.blocked for d in depths)
    return Load(waiting, oldest.total_seconds() if oldest else 0.0, in_flight)


def _held(place: Place, held: Mapping[str, int]) -> int:
    return 0 if place.worker is None else held.get(place.worker.id, 0)
