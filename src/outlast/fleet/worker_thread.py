"""The Outlast worker of one Celery process: a thread with one event loop for all attempts of the process."""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, replace

from outlast.core.ids import new_worker_id
from outlast.core.service_loop import run_forever
from outlast.core.store_outage import StoreOutage
from outlast.domain.crash_policy import Death
from outlast.domain.errors import OutlastError, StoreUnavailable
from outlast.fleet.child_locks import ChildLocks
from outlast.fleet.stop_pipe import StopPipe
from outlast.running.engine import Engine
from outlast.running.event_loop import run_worker_loop
from outlast.running.handoff import Handoff, HandoffResult
from outlast.running.worker import Worker
from outlast.running.worker_options import WorkerEnd, WorkerOptions

log = logging.getLogger(__name__)

OPENING = "The start of the worker"
"""What waits for the store, for the log."""

SIBLING_CHECK_INTERVAL = 1.0
"""Seconds between checks for siblings that have died."""
OPEN_RETRY_INTERVAL = 1.0
"""Seconds between attempts to open the store."""

Opened = Callable[[], AbstractAsyncContextManager[Engine]]


@dataclass(frozen=True, slots=True)
class SiblingProcesses:
    """What the child processes of one Celery worker share."""

    locks: ChildLocks
    stop_pipe: StopPipe

    def close(self) -> None:
        """Close both, in the parent, once its children have ended."""
        self.locks.close()
        self.stop_pipe.close()


class WorkerThread:
    """Runs a worker until it is stopped. Everything but `start` may be called from any thread.

    `on_end` is called in this thread at its end, with the reason. With `once` a worn worker ends the thread;
    `on_retire` is called when it retires, from when on it refuses sessions. Without `once` the worker continues,
    as a new one in the same process would keep the same leaked threads.
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
        self._handoff = Handoff()
        self._worker: Worker | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_requests = 0
        self._stopping = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="outlast-worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def take(self, session_id: str) -> "Future[HandoffResult]":
        """See `Handoff.submit`."""
        return self._handoff.submit(session_id)

    def stop(self) -> None:
        """Stop as `Worker.stop` does: after the grace time; the second time, at once. Refuse new sessions."""
        self._handoff.close()
        with self._stopping:
            self._stop_requests += 1
            if self._loop is not None:
                with suppress(RuntimeError):  # the loop has just closed
                    self._loop.call_soon_threadsafe(self._stop_worker)

    def drain(self) -> None:
        """End after the last session, as `Worker.drain` does. Refuse new sessions."""
        self._handoff.close()
        with self._stopping:
            if self._loop is not None and self._worker is not None:
                with suppress(RuntimeError):  # the loop has just closed
                    self._loop.call_soon_threadsafe(self._worker.drain)

    def request_replacement(self) -> None:
        """Retire the worker, so that it is replaced once its attempts have ended."""
        with self._stopping:
            if self._loop is not None and self._worker is not None:
                with suppress(RuntimeError):  # the loop has just closed
                    self._loop.call_soon_threadsafe(self._worker.request_replacement)

    def join(self, timeout: float | None = None) -> None:
        self._thread.join(timeout)

    def _on_replacement_due(self, retire: Callable[[], None]) -> None:
        def retire_process() -> None:
            self._handoff.close()
            self._on_retire()
            retire()

        if self._once:
            self._request_retirement(retire_process)

    def _stop_worker(self) -> None:
        if self._worker is not None:
            self._worker.stop()

    def _run(self) -> None:
        end = WorkerEnd.REPLACED  # unless the worker ends regularly
        try:
            end = run_worker_loop(self._work())
        except OutlastError as error:
            log.critical("The worker cannot start: %s", error)
        finally:
            self._handoff.close()
            self._on_end(end)

    async def _work(self) -> WorkerEnd:
        with self._stopping:
            self._loop = asyncio.get_running_loop()
        outage = StoreOutage()
        while self._stop_requests == 0:
            try:
                async with self._opened() as engine:
                    outage.answered(OPENING)
                    return await self._run_workers(engine)
            except StoreUnavailable as error:
                outage.failed(OPENING, error)
                await asyncio.sleep(OPEN_RETRY_INTERVAL)
        return WorkerEnd.STOPPED

    async def _run_workers(self, engine: Engine) -> WorkerEnd:
        watching = asyncio.create_task(self._watch(engine, self._siblings)) if self._siblings else None
        end = WorkerEnd.STOPPED
        try:
            while self._stop_requests == 0:
                self._worker = engine.worker(self._options, self._worker_id or new_worker_id(), self._handoff)
                self._worker_id = None
                end = await self._worker.run()
                if end is WorkerEnd.STOPPED or self._once:
                    break
            return end
        finally:
            if watching is not None:
                watching.cancel()

    async def _watch(self, engine: Engine, siblings: SiblingProcesses) -> None:
        """Rescue the sessions of a dead sibling at once, not only when its lease lapses."""

        async def one_round() -> None:
            if self._worker is not None:
                siblings.locks.set_worker(self._worker.id)
            for worker_id in siblings.locks.collect_dead():
                await engine.maintenance.record_death(Death(worker_id, "died", self._host))
            await asyncio.sleep(SIBLING_CHECK_INTERVAL)

        siblings.stop_pipe.listen(self.stop)
        try:
            await run_forever("The check for dead siblings", one_round)
        finally:
            siblings.locks.set_worker("")
