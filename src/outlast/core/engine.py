"""Everything that runs in one process around one store: opened once, closed once, in one event loop."""

import asyncio
import logging
import random
from contextlib import suppress

from outlast.core.analysis import Catalogue
from outlast.core.embedded import EmbeddedWorker
from outlast.core.inbox import Inbox
from outlast.core.insights import Insights
from outlast.core.journal import Store
from outlast.core.maintenance import Maintenance, Retention
from outlast.core.sessions import Sessions, StartDefaults
from outlast.core.watch import Watch
from outlast.core.worker import Worker
from outlast.core.worker_options import WorkerOptions
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
        self.watch = Watch(store, notifier, clock)
        self.sessions = Sessions(store, notifier, catalogue, clock, self.watch, defaults, dispatcher)
        self.insights = Insights(store, clock)
        self.maintenance = Maintenance(store, notifier, clock, self.rng, retention, dispatcher)
        self.closing = asyncio.Event()
        """Set when streams are to end and readiness is to be denied."""
        self._upkeep: asyncio.Task[None] | None = None
        self._ringing: asyncio.Task[None] | None = None
        self._embedded: list[EmbeddedWorker] = []

    async def open(self, *, maintain: bool = True, migrate: bool = True) -> None:
        await self.store.open(migrate=migrate)
        await self.notifier.open()
        if self.dispatcher:
            await self.dispatcher.open()
        await self.watch.open()
        self._ringing = asyncio.create_task(self._ring_at_the_end())
        if maintain:
            self._upkeep = asyncio.create_task(self.maintenance.run())

    def embed(self, count: int, options: WorkerOptions) -> None:
        """Start `count` workers in threads of this process."""
        for _ in range(count):
            worker = EmbeddedWorker(lambda: self.worker(options))
            worker.start()
            self._embedded.append(worker)

    def worker(self, options: WorkerOptions, worker_id: str | None = None, inbox: Inbox | None = None) -> Worker:
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

    async def _ring_at_the_end(self) -> None:
        await self.closing.wait()
        self.watch.ring_all()

    async def close(self, patience: float = 0.0) -> None:
        """End streams, let embedded workers drain for `patience` seconds, then let go of everything."""
        self.closing.set()
        await asyncio.gather(*(w.stop(patience) for w in self._embedded))
        for task in (self._upkeep, self._ringing):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        self.watch.ring_all()
        await self.watch.close()
        if self.dispatcher:
            await self.dispatcher.close()
        await self.notifier.close()
        await self.store.close()
