"""Keeps a worker's lease alive from a thread of its own, and watches over the event loop beside it."""

import asyncio
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Protocol, Self

from outlast.domain.errors import StoreUnavailable
from outlast.ports.workers import LEASE, RENEW_EVERY, Beat, WorkerInfo, WorkerRegistry

log = logging.getLogger(__name__)

BLOCKED_AFTER = 5.0
"""Seconds without an answer of the event loop after which the blocking line is logged."""
MARGIN = 3.0
"""Seconds before its end at which an unrenewed lease counts as lost."""


class LeaseListener(Protocol):
    """Who holds the claims. Called in the event loop, but for `on_stuck`."""

    def on_beat(self, beat: Beat) -> None: ...

    def on_lost(self) -> None:
        """The lease is gone or about to end: stop every attempt and write nothing."""
        ...

    def overdue(self) -> bool:
        """Called from the thread: an attempt is past its deadline and grace, and still there."""
        ...

    def on_stuck(self) -> None:
        """Called from the thread: the event loop has been blocked beyond the deadline of an attempt."""
        ...


class LeaseKeeper:
    """One worker's lease, from `start` until `stop` or `on_lost`."""

    def __init__(self, registry: WorkerRegistry, worker: WorkerInfo, listener: LeaseListener) -> None:
        self._registry = registry
        self._worker = worker
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._answered = time.monotonic()
        self._named_block = False
        self._thread = threading.Thread(target=self._keep, name=f"lease-{worker.id}", daemon=True)
        self._loop_thread = threading.get_ident()

    async def start(self) -> Self:
        """Returns once the worker is registered; raises `StoreUnavailable`."""
        registered = self._loop.create_future()

        def settle(error: Exception | None) -> None:
            if registered.done():
                return
            if error is None:
                registered.set_result(None)
            else:
                registered.set_exception(error)

        self._settle = settle
        self._thread.start()
        await registered
        return self

    def stop(self) -> None:
        self._stop.set()

    def _keep(self) -> None:
        lease = self._registry.lease()
        registered = False
        try:
            try:
                lease.register(self._worker)
            except StoreUnavailable as error:
                self._call(self._settle, error)
                return
            registered = True
            self._call(self._settle, None)
            renewed = time.monotonic()
            while not self._stop.wait(0.5):
                self._watch_loop()
                if time.monotonic() - renewed < RENEW_EVERY:
                    continue
                try:
                    beat = lease.renew(self._worker.id)
                    if beat is None:
                        log.warning("Worker %s was taken for dead; it stops its attempts.", self._worker.id)
                        return
                    renewed = time.monotonic()
                    self._call(self._listener.on_beat, beat)
                except StoreUnavailable as error:
                    log.warning("Worker %s cannot renew its lease: %s", self._worker.id, error)
                    if time.monotonic() - renewed > LEASE - MARGIN:
                        return
        finally:
            if registered and not self._stop.is_set():
                self._call(self._listener.on_lost)
            lease.close()

    def _watch_loop(self) -> None:
        self._call(self._answer)
        blocked = time.monotonic() - self._answered
        if blocked < BLOCKED_AFTER:
            self._named_block = False
            return
        if not self._named_block:
            self._named_block = True
            log.error("The event loop has been blocked for %.0f s, here:\n%s", blocked, self._where())
        if self._listener.overdue():
            self._listener.on_stuck()

    def _answer(self) -> None:
        self._answered = time.monotonic()

    def _where(self) -> str:
        frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - the only way
        return "".join(traceback.format_stack(frame)[-5:]) if frame else "(unknown)"

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)
