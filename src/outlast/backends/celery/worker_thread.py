"""The worker of one Celery process, in a thread of its own: one event loop for all attempts of the process."""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, replace

from outlast.backends.celery.child_locks import ChildLocks
from outlast.backends.celery.stop_pipe import StopPipe
from outlast.core.engine import Engine
from outlast.core.ids import new_worker_id
from outlast.core.running.event_loop import run_to_end
from outlast.core.running.handoff import Handoff, HandoffResult
from outlast.core.running.service_loop import run_forever
from outlast.core.running.worker import Worker, WorkerEnd
from outlast.core.running.worker_options import WorkerOptions
from outlast.domain.crash_policy import Death
from outlast.domain.errors import OutlastError, StoreUnavailable

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between looks for siblings that have died."""
STORE_AWAY = 1.0
"""Seconds between two tries to open the store."""

Opened = Callable[[], AbstractAsyncContextManager[Engine]]


@dataclass(frozen=True, slots=True)
class SiblingProcesses:
    """What the child processes of one Celery worker have in common."""

    places: ChildLocks
    whistle: StopPipe

    def close(self) -> None:
        """In the parent, at the end."""
        self.places.close()
        self.whistle.close()


class WorkerThread:
    """Keeps a worker going until it is stopped. Everything but `start` may be called from any thread.

    `on_end` is called in the crew's thread when it has ended, with the reason. With `once` a worn worker ends the
    crew, and `on_retire` is called when that begins: nothing is taken from then on. Without it the worker goes
    on, as a fresh one in the same process would have the same threads beside it.
    """

    def __init__(
        self,
        opened: Opened,
        options: WorkerOptions,
        *,
        worker_id: str | None = None,
        siblings: SiblingProcesses | None = None,
        once: bool = False,
        on_end: Callable[[WorkerEnd], None] = lambda _: None,
        on_retire: Callable[[], None] = lambda: None,
    ) -> None:
        self._opened = opened
        self._request_retirement = options.on_replacement_due
        self._options = replace(options, on_replacement_due=self._on_replacement_due)
        self._on_retire = on_retire
        self._worker_id = worker_id
        self._siblings = siblings
        self._once = once
        self._on_end = on_end
        self._host = socket.gethostname()
        self._inbox = Handoff()
        self._worker: Worker | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_requests = 0
        self._stopping = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="crew", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def take(self, session_id: str) -> "Future[HandoffResult]":
        """See `Handoff.submit`."""
        return self._inbox.submit(session_id)

    def stop(self) -> None:
        """As `Worker.stop`: first let attempts finish for the grace time, then at once. What comes is refused."""
        self._inbox.close()
        with self._stopping:
            self._stop_requests += 1
            if self._loop is not None:
                with suppress(RuntimeError):  # the loop has just closed
                    self._loop.call_soon_threadsafe(self._tell)

    def request_replacement(self) -> None:
        """Be replaced; what runs here may end first."""
        with self._stopping:
            if self._loop is not None and self._worker is not None:
                with suppress(RuntimeError):  # the loop has just closed
                    self._loop.call_soon_threadsafe(self._worker.request_replacement)

    def join(self, timeout: float | None = None) -> None:
        self._thread.join(timeout)

    def _on_replacement_due(self, retire: Callable[[], None]) -> None:
        def leave() -> None:
            self._inbox.close()
            self._on_retire()
            retire()

        if self._once:
            self._request_retirement(leave)

    def _tell(self) -> None:
        if self._worker is not None:
            self._worker.stop()

    def _run(self) -> None:
        end = WorkerEnd.REPLACED  # so it is, when something breaks
        try:
            end = run_to_end(self._work())
        except OutlastError as error:
            log.critical("No worker can start here: %s", error)
        finally:
            self._inbox.close()
            self._on_end(end)

    async def _work(self) -> WorkerEnd:
        with self._stopping:
            self._loop = asyncio.get_running_loop()
        while self._stop_requests == 0:
            try:
                async with self._opened() as engine:
                    return await self._keep(engine)
            except StoreUnavailable as error:
                log.warning("The store is not there yet: %s", error)
                await asyncio.sleep(STORE_AWAY)
        return WorkerEnd.STOPPED

    async def _keep(self, engine: Engine) -> WorkerEnd:
        looking = asyncio.create_task(self._look_after(engine, self._siblings)) if self._siblings else None
        end = WorkerEnd.STOPPED
        try:
            while self._stop_requests == 0:
                self._worker = engine.worker(self._options, self._worker_id or new_worker_id(), self._inbox)
                self._worker_id = None
                end = await self._worker.run()
                if end is WorkerEnd.STOPPED or self._once:
                    break
            return end
        finally:
            if looking is not None:
                looking.cancel()

    async def _look_after(self, engine: Engine, siblings: SiblingProcesses) -> None:
        """What a dead sibling held goes on at once, not when its lease ends."""

        async def one_round() -> None:
            if self._worker is not None:
                siblings.places.sign(self._worker.id)
            for worker_id in siblings.places.fallen():
                await engine.maintenance.record_death(Death(worker_id, "died", self._host))
            await asyncio.sleep(LOOK_EVERY)

        siblings.whistle.listen(self.stop)
        try:
            await run_forever("The look after siblings", one_round)
        finally:
            siblings.places.sign("")
