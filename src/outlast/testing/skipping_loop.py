"""An event loop and a clock that skip the time in which everything waits, for tests of analyses."""

import asyncio
import selectors
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from outlast.core.analyses import context
from outlast.running.event_loop import WorkerLoop

LOOK_EVERY = 0.02
"""Seconds between looks at what the loop does not hear of, such as a thread that begins to wait."""
OWN_THREADS = ("lease-", "worker_")
"""Beginnings of the names of threads that do no work of an analysis, or whose work `run_in_executor` counts."""


class SkippingLoop(WorkerLoop):
    """Skips to the next timer while `skips` is above zero and nothing works: no code, thread, socket or process.

    All of them but timers are real, and while anything works the time is, too.
    """

    def __init__(self) -> None:
        self.skipped = 0.0
        """Seconds skipped so far."""
        self.skips = 0
        """How many callers want to skip."""
        self._threads_before = {thread.ident for thread in threading.enumerate()}
        self._jobs: set[int] = set()
        self._callers: set[int] = set()
        self._queued = 0
        selector = _SkippingSelector(self)
        super().__init__(selector)
        self._own_files = len(selector.get_map())

    def time(self) -> float:
        return super().time() + self.skipped

    def skip(self, seconds: float) -> None:
        """Let this much time pass at once. Called on the loop."""
        self.skipped += seconds

    @contextmanager
    def called(self) -> Generator[None]:
        """Say that the calling thread, as of a test, only waits for this loop within the block."""
        thread = threading.get_ident()
        self._callers.add(thread)
        try:
            yield
        finally:
            self._callers.discard(thread)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """As in the base class, and count the work."""
        self._queued += 1

        def count_out() -> None:
            self._queued -= 1

        def work() -> Any:
            thread = threading.get_ident()
            self._jobs.add(thread)
            try:
                return func(*args)
            finally:
                self._jobs.discard(thread)
                with suppress(RuntimeError):  # the loop is closed
                    self.call_soon_threadsafe(count_out)

        return super().run_in_executor(executor, work)

    def idle(self, files: Mapping[Any, Any]) -> bool:
        """Return whether nothing but timers can wake this loop; `files` are those that the selector watches."""
        if self.skips == 0 or len(files) > self._own_files:
            return False
        waiting = context.waiting_threads() | self._callers
        jobs = set(self._jobs)
        if len(jobs) < self._queued or not jobs <= waiting:
            return False
        return all(
            thread.ident in self._threads_before
            or thread.ident in waiting
            or thread is threading.current_thread()
            or thread.name.startswith(OWN_THREADS)
            for thread in threading.enumerate()
        )


class _SkippingSelector(selectors.DefaultSelector):
    def __init__(self, loop: SkippingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout <= 0 or self._loop.skips == 0:
            return super().select(timeout)
        ready = super().select(0)
        if not ready and self._loop.idle(self.get_map()):
            self._loop.skip(timeout)
            return ready
        return ready or super().select(min(timeout, LOOK_EVERY))


class SkippingClock:
    """A clock whose wall time and sleep follow a `SkippingLoop`; the monotonic time, which leases use, is real."""

    def __init__(self, loop: SkippingLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._loop.skipped)

    def monotonic(self) -> float:
        return time.monotonic()

    def boot_id(self) -> str:
        return "test"

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
