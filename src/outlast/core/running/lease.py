"""Keeps a worker's lease alive from a thread of its own, and watches over the event loop beside it."""

import asyncio
import logging
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Protocol, Self

from outlast.core.running.loop_watch import LoopWatch
from outlast.domain.errors import StoreUnavailable
from outlast.domain.outcome import End
from outlast.domain.session import Claim
from outlast.ports.clock import Clock
from outlast.ports.workers import LEASE, RENEW_EVERY, Beat, Lease, WorkerInfo, WorkerRegistry

log = logging.getLogger(__name__)

LOOK_EVERY = 0.5
"""Seconds between two looks at the event loop."""
BLOCKED_AFTER = 5.0
"""Seconds without an answer of the event loop after which the blocking line is logged."""
MARGIN = 3.0
"""Seconds before its end at which an unrenewed lease counts as lost."""


class LeaseListener(Protocol):
    """Who holds the claims. Called in the event loop, but for `overdue` and `on_stuck`."""

    def on_beat(self, beat: Beat) -> None: ...

    def on_lost(self) -> None:
        """The lease is gone or about to end: stop every attempt and write nothing."""
        ...

    def overdue(self) -> Sequence[tuple[Claim, End]]:
        """Called from the thread: the attempts past their timeout and grace, with the end of each."""
        ...

    def on_stuck(self) -> None:
        """Called from the thread: the event loop was blocked beyond the timeout of an attempt. That attempt has
        been ended in the store and the others have been released: the worker holds nothing.
        """
        ...


class LeaseKeeper:
    """One worker's lease, from `start` until `stop` or `on_lost`.

    `formerly`: the id under which this process was registered before and has lost its lease.
    """

    def __init__(
        self,
        registry: WorkerRegistry,
        worker: WorkerInfo,
        listener: LeaseListener,
        clock: Clock,
        *,
        formerly: str | None = None,
    ) -> None:
        self._registry = registry
        self._worker = worker
        self._listener = listener
        self._clock = clock
        self._formerly = formerly
        self._loop = asyncio.get_running_loop()
        self._loop_watch = LoopWatch()
        self._stop = threading.Event()
        self._renewed = clock.monotonic()
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

    def lapsed(self) -> bool:
        """Whether others may have taken the worker's sessions. From any thread."""
        return self._clock.monotonic() - self._renewed > LEASE

    def stop(self) -> None:
        self._stop.set()

    def _keep(self) -> None:
        lease = self._registry.lease()
        try:
            try:
                lease.register(self._worker, self._formerly)
            except StoreUnavailable as error:
                self._call(self._settle, error)
                return
            self._call(self._settle, None)
            stuck = self._renew_until_lost(lease)
            if self._stop.is_set():
                return
            self._call(self._listener.on_lost)
            if not stuck:
                self._wait_until_heard(lease)
        finally:
            lease.close()

    def _renew_until_lost(self, lease: Lease) -> bool:
        """Returns also when it was stopped; True when the worker was stuck and has given up everything."""
        while not self._stop.wait(LOOK_EVERY):
            if self._is_stuck() and self._give_up(lease):
                return True
            asked = self._clock.monotonic()
            if asked - self._renewed < RENEW_EVERY:
                continue
            try:
                beat = lease.renew(self._worker.id)
                if beat is None:
                    log.warning("The lease of worker %s has lapsed; it stops its attempts.", self._worker.id)
                    return False
                self._renewed = asked
                self._call(self._listener.on_beat, beat)
            except StoreUnavailable as error:
                log.warning("Worker %s cannot renew its lease: %s", self._worker.id, error)
                if self._clock.monotonic() - self._renewed > LEASE - MARGIN:
                    return False
        return False

    def _wait_until_heard(self, lease: Lease) -> None:
        """The lease is lost, and a loop that is blocked does not know it yet: watch until it does."""
        self._loop_watch = LoopWatch()
        self._is_stuck()
        while not self._stop.wait(LOOK_EVERY) and not self._loop_watch.answered:
            if self._is_stuck() and self._give_up(lease):
                return

    def _give_up(self, lease: Lease) -> bool:
        """End what takes too long and release the rest. False while the store is away."""
        try:
            lease.finish(self._listener.overdue())
            released = lease.release(self._worker.id)
        except StoreUnavailable as error:
            log.warning("Worker %s cannot end what takes too long: %s", self._worker.id, error)
            return False
        log.error("Worker %s is stuck; %d other session(s) were released unspent.", self._worker.id, released)
        self._listener.on_stuck()
        return True

    def _is_stuck(self) -> bool:
        """Whether the loop is blocked, and an attempt is overdue."""
        now = self._clock.monotonic()
        number = self._loop_watch.ask(now)
        if number is not None:
            self._call(self._loop_watch.answer, number)
        blocked = self._loop_watch.blocked(now)
        if blocked < BLOCKED_AFTER:
            self._named_block = False
            return False
        if not self._named_block:
            self._named_block = True
            log.error("The event loop has been blocked for %.0f s, here:\n%s", blocked, self._where())
        return bool(self._listener.overdue())

    def _where(self) -> str:
        frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - the only way
        return "".join(traceback.format_stack(frame)[-5:]) if frame else "(unknown)"

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)
