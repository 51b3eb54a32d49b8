"""Everything that runs in one process around one store: opened once, closed once, in one event loop."""

import asyncio
import logging
import random
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from typing import Any

from outlast.core.analysis import Catalogue
from outlast.core.circuit_breaker import CircuitBreaker
from outlast.core.guarded_store import guarded
from outlast.core.readiness import Readiness
from outlast.core.running.embedded import EmbeddedWorker
from outlast.core.running.handoff import Handoff
from outlast.core.running.maintenance import Maintenance, Retention
from outlast.core.running.process_identity import own_identity
from outlast.core.running.step_journal import Store
from outlast.core.running.worker import Worker
from outlast.core.running.worker_options import WorkerOptions
from outlast.core.sessions import Sessions, StartDefaults
from outlast.core.statistics import Statistics
from outlast.core.watch import Watch
from outlast.ports.clock import Clock
from outlast.ports.dispatcher import Dispatcher
from outlast.ports.notifier import Notifier

log = logging.getLogger(__name__)


class Engine:
    """The parts, wired."""

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
    ) -> None:
        self.store = store
        self.notifier = notifier
        self.catalogue = catalogue
        self.clock = clock
        self.rng = rng or random.Random()  # noqa: S311 - jitter, not secrets
        self.retention = retention
        self.dispatcher = dispatcher
        self.breaker = CircuitBreaker(store.check)
        self.guarded_store = guarded(store, self.breaker)
        """For whoever answers a person: refuses at once while the store is silent. Workers use `store`."""
        self.polled_store = store if store.reads_at_once else self.guarded_store
        """The same for reads alone, without a detour where they wait for nobody: most requests are polls."""
        self.watch = Watch(self.guarded_store, notifier, clock)
        self.sessions = Sessions(self.guarded_store, notifier, catalogue, clock, self.watch, defaults, dispatcher)
        self.insights = Statistics(self.guarded_store, clock)
        self.maintenance = Maintenance(store, notifier, clock, self.rng, retention, dispatcher)
        self.readiness = Readiness(store)
        self.draining = False
        """Readiness is to be denied, while everything is still served."""
        self.closing = asyncio.Event()
        """Set when streams are to end and readiness is to be denied."""
        self.applied: Sequence[str] = ()
        """The migrations that opening the store has applied, by name."""
        self._opened = AsyncExitStack()
        self._embedded: list[EmbeddedWorker] = []

    async def open(self, *, maintain: bool = True, migrate: bool = True) -> None:
        """Open every part, or none: what was opened before one that fails is closed again."""
        async with AsyncExitStack() as opened:
            self.applied = await self.store.open(migrate=migrate)
            opened.push_async_callback(self.store.close)
            opened.callback(self.breaker.close)
            opened.callback(self.readiness.close)
            await self.notifier.open()
            opened.push_async_callback(self.notifier.close)
            if self.dispatcher:
                await self.dispatcher.open()
                opened.push_async_callback(self.dispatcher.close)
            await self.watch.open()
            opened.push_async_callback(self.watch.close)
            opened.callback(self.watch.ring_all)
            self._task(opened, self._ring_at_the_end())
            if maintain:
                self._task(opened, self.maintenance.run())
            self._opened = opened.pop_all()

    def embed(self, count: int, options: WorkerOptions) -> None:
        """Start `count` workers in threads of this process, whose end nobody but other processes sees."""
        options = replace(options, process=own_identity())
        for _ in range(count):
            worker = EmbeddedWorker(self.worker, options)
            worker.start()
            self._embedded.append(worker)

    def stop_embedded(self) -> None:
        """Ask the embedded workers to drain; asked again, to release what they hold at once. Does not wait."""
        for worker in self._embedded:
            worker.request_stop()

    @property
    def working(self) -> bool:
        """Whether every worker that this process embeds is alive."""
        return all(worker.alive for worker in self._embedded)

    def worker(self, options: WorkerOptions, worker_id: str | None = None, inbox: Handoff | None = None) -> Worker:
        """A worker on this engine's store, for the event loop in which this is called."""
        rng = random.Random(self.rng.random())  # noqa: S311 - jitter, not secrets
        return Worker(
            self.store,
            self.notifier,
            self.catalogue,
            self.clock,
            rng,
            options,
            worker_id=worker_id,
            inbox=inbox,
            dispatcher=self.dispatcher,
        )

    def _task(self, opened: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)

        async def end() -> None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

        opened.push_async_callback(end)

    async def _ring_at_the_end(self) -> None:
        await self.closing.wait()
        self.watch.ring_all()

    async def close(self, patience: float = 0.0) -> None:
        """End streams, let embedded workers drain for `patience` seconds, then let go of all, whatever fails."""
        self.closing.set()
        try:
            await asyncio.gather(*(w.stop(patience) for w in self._embedded))
        finally:
            await self._opened.aclose()
