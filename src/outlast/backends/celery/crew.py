"""The worker of one Celery process, in a thread of its own: one event loop for all attempts of the process."""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass

from outlast.backends.celery.places import Places
from outlast.backends.celery.whistle import Whistle
from outlast.core.engine import Engine
from outlast.core.identity import new_worker_id
from outlast.core.inbox import Inbox, Taken
from outlast.core.rounds import serve_rounds
from outlast.core.worker import Worker, WorkerEnd
from outlast.core.worker_options import WorkerOptions
from outlast.domain.crash_policy import Death
from outlast.domain.errors import OutlastError, StoreUnavailable

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between looks for siblings that have died."""
STORE_AWAY = 1.0
"""Seconds between two tries to open the store."""

Opened = Callable[[], AbstractAsyncContextManager[Engine]]


@dataclass(frozen=True, slots=True)
class Siblings:
    """What the child processes of one Celery worker have in common."""

    places: Places
    whistle: Whistle

    def close(self) -> None:
        """In the parent, at the end."""
        self.places.close()
        self.whistle.close()


class Crew:
    """Keeps a worker going until it is stopped. Everything but `start` may be called from any thread.

    `on_end` is called in the crew's thread when it has ended, with the reason. A worker that is worn makes place
    for a fresh one, or ends the crew with `once`.
    """

    def __init__(
        self,
        opened: Opened,
        options: WorkerOptions,
        *,
        worker_id: str | None = None,
        siblings: Siblings | None = None,
        once: bool = False,
        on_end: Callable[[WorkerEnd], None] = lambda _: None,
    ) -> None:
        self._opened = opened
        self._options = options
        self._worker_id = worker_id
        self._siblings = siblings
        self._once = once
        self._on_end = on_end
        self._host = socket.gethostname()
        self._inbox = Inbox()
        self._worker: Worker | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_requests = 0
        self._stopping = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="crew", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def take(self, session_id: str) -> "Future[Taken]":
        """See `Inbox.take`."""
        return self._inbox.take(session_id)

    def stop(self) -> None:
        """As `Worker.stop`: first let attempts finish for the grace time, then at once. What comes is refused."""
        self._inbox.close()
        with self._stopping:
            self._stop_requests += 1
            if self._loop is not None:
                with suppress(RuntimeError):  # the loop has just closed
                    self._loop.call_soon_threadsafe(self._tell)

    def join(self, timeout: float | None = None) -> None:
        self._thread.join(timeout)

    def _tell(self) -> None:
        if self._worker is not None:
            self._worker.stop()

    def _run(self) -> None:
        end = WorkerEnd.WORN  # so it is, when something breaks
        try:
            end = asyncio.run(self._work())
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
                log.warning("A worker was worn out by code that would not stop; a fresh one takes over.")
            return end
        finally:
            if looking is not None:
                looking.cancel()

    async def _look_after(self, engine: Engine, siblings: Siblings) -> None:
        """What a dead sibling held goes on at once, not when its lease ends."""

        async def one_round() -> None:
            if self._worker is not None:
                siblings.places.sign(self._worker.id)
            for worker_id in siblings.places.fallen():
                await engine.maintenance.record_death(Death(worker_id, "died", self._host))
            await asyncio.sleep(LOOK_EVERY)

        siblings.whistle.listen(self.stop)
        try:
            await serve_rounds("The look after siblings", one_round)
        finally:
            siblings.places.sign("")
