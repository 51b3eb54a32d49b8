"""The engine: all services of one process around one store, opened and closed once, in one event loop."""

import asyncio
import logging
import random
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from outlast.core.analyses.catalogue import Catalogue
from outlast.core.circuit_breaker import CircuitBreaker
from outlast.core.guarded_store import guard
from outlast.core.metric_counts import MetricCounts
from outlast.core.readiness import Readiness
from outlast.core.session_starts import StartDefaults
from outlast.core.sessions import Sessions
from outlast.core.statistics import Statistics
from outlast.core.store_outage import StoreOutage
from outlast.core.watch import Watch
from outlast.core.webhook_deliveries import start_deliveries
from outlast.domain.scrubbing import Scrubber
from outlast.domain.worker_control import WorkerKind
from outlast.ports.clock import Clock
from outlast.ports.dispatcher import Dispatcher
from outlast.ports.notifier import Notifier
from outlast.ports.store import Store
from outlast.ports.tracing import Tracing
from outlast.running.embedded import EmbeddedWorker
from outlast.running.handoff import Handoff
from outlast.running.maintenance import Maintenance, Retention
from outlast.running.process_identity import own_identity
from outlast.running.worker import Worker
from outlast.running.worker_options import WorkerOptions

log = logging.getLogger(__name__)


class Engine:
    """Wires the services together and owns their lifetime."""

    def __init__(
        self,
        store: Store,
        notifier: Notifier,
        catalogue: Catalogue,
        clock: Clock,
        defaults: StartDefaults,
        retention: Retention,
        *,
        rng: random.Random | None = None,
        dispatcher: Dispatcher | None = None,
        scrubber: Scrubber | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self.store = store
        self.notifier = notifier
        self.catalogue = catalogue
        self.clock = clock
        self.rng = rng or random.Random()  # noqa: S311 - jitter, not secrets
        self.retention = retention
        self.dispatcher = dispatcher
        self._scrubber = scrubber
        self._tracing = tracing
        self.outage = StoreOutage()
        """The outage of the store that the log tells of, if there is one: all parts of this process share it."""
        self.breaker = CircuitBreaker(store.check, self.outage)
        self.guarded_store = guard(store, self.breaker)
        """For requests of people: fails at once while the store is unresponsive. Workers use `store`."""
        self.polled_store = store if store.concurrent_reads else self.guarded_store
        """For reads only: bypasses the breaker if reads never wait for writers. Most requests are polls."""
        self.watch = Watch(self.guarded_store, notifier, clock, self.outage)
        self.metric_counts = MetricCounts()
        """What this process counted for monitoring since it last told the store."""
        self.sessions = Sessions(
            self.guarded_store,
            notifier,
            catalogue,
            clock,
            self.watch,
            defaults,
            dispatcher,
            self.metric_counts,
            tracing,
        )
        self.statistics = Statistics(self.guarded_store, clock)
        self.maintenance = Maintenance(
            store,
            notifier,
            clock,
            self.rng,
            retention,
            dispatcher,
            outage=self.outage,
            metric_counts=self.metric_counts,
            deliver=partial(start_deliveries, store, self.sessions),
        )
        self.readiness = Readiness(store)
        self.draining = False
        """Set to report "not ready" while requests are still served."""
        self.closing = asyncio.Event()
        """Set to end streams and report "not ready"."""
        self.applied: Sequence[str] = ()
        """Names of the migrations applied when the store was opened."""
        self._opened = AsyncExitStack()
        self._embedded: list[EmbeddedWorker] = []

    async def open(self, *, maintain: bool = True, migrate: bool = True) -> None:
        """Open every service, or none: if one fails, close those opened before."""
        async with AsyncExitStack() as opened:
            self.applied = await self.store.open(migrate=migrate)
            opened.push_async_callback(self.store.close)
            opened.push_async_callback(self.metric_counts.flush_last, self.store)
            opened.callback(self.breaker.close)
            opened.callback(self.readiness.close)
            await self.notifier.open()
            opened.push_async_callback(self.notifier.close)
            if self.dispatcher:
                await self.dispatcher.open()
                opened.push_async_callback(self.dispatcher.close)
            await self.watch.open()
            opened.push_async_callback(self.watch.close)
            opened.callback(self.watch.wake_all)
            self._task(opened, self._wake_watchers_on_close())
            self._task(opened, self.metric_counts.run(self.store, self.outage))
            if maintain:
                self._task(opened, self.maintenance.run())
            self._opened = opened.pop_all()

    def embed(self, count: int, options: WorkerOptions) -> None:
        """Start `count` workers in threads of this process; other processes detect its death."""
        options = replace(options, process=own_identity(), kind=WorkerKind.EMBEDDED)
        for _ in range(count):
            worker = EmbeddedWorker(self.worker, options)
            worker.start()
            self._embedded.append(worker)

    def stop_embedded(self) -> None:
        """Let the embedded workers drain; at a second call, release everything now. Does not wait."""
        for worker in self._embedded:
            worker.request_stop()

    @property
    def working(self) -> bool:
        """Whether every embedded worker is alive."""
        return all(worker.alive for worker in self._embedded)

    def worker(
        self, options: WorkerOptions, worker_id: str | None = None, handoff: Handoff | None = None
    ) -> Worker:
        """Create a worker on this engine's store, for the running event loop."""
        rng = random.Random(self.rng.random())  # noqa: S311 - jitter, not secrets
        return Worker(
            self.store,
            self.notifier,
            self.catalogue,
            self.clock,
            rng,
            options,
            worker_id=worker_id,
            handoff=handoff,
            dispatcher=self.dispatcher,
            scrubber=self._scrubber,
            outage=self.outage,
            metric_counts=self.metric_counts,
            tracing=self._tracing,
        )

    def _task(self, opened: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)

        async def end() -> None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

        opened.push_async_callback(end)

    async def _wake_watchers_on_close(self) -> None:
        await self.closing.wait()
        self.watch.wake_all()

    async def close(self, grace: float = 0.0) -> None:
        """End streams, let embedded workers drain for `grace` seconds, then close every service."""
        self.closing.set()
        try:
            await asyncio.gather(*(w.stop(grace) for w in self._embedded))
        finally:
            await self._opened.aclose()
