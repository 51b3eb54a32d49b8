"""The daemon threads in which plain `def` code runs: one per attempt, and a pool for the event loop."""

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

from outlast.core.analyses.branch import AttemptStopped

P = ParamSpec("P")
T = TypeVar("T")

STOP_GRACE = 5.0
"""Seconds that analysis code gets to end after a stop request; then it is abandoned and its writes are refused."""
STOP_REQUESTS = 5
"""Number of stop requests within that time."""
Work = Callable[[], None]


async def run_in_thread(work: Callable[[], Any]) -> Any:
    """Return the value of `work`, or raise what it raises: `CancelledError` if its attempt was stopped."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def resolve(value: Any, error: BaseException | None) -> None:
        if not done.done():
            if error is None:
                done.set_result(value)
            else:
                done.set_exception(error)

    def target() -> None:
        value: Any = None
        error: BaseException | None = None
        try:
            value = work()
        except AttemptStopped:
            error = asyncio.CancelledError()
        except StopIteration as stop:  # a future rejects `StopIteration`
            error = RuntimeError(f"The analysis raised {stop!r}.")
        except BaseException as raised:  # noqa: BLE001 - the attempt: whatever its code raised is its outcome
            error = raised
        with suppress(RuntimeError):  # the loop is closed, so nobody awaits the result
            loop.call_soon_threadsafe(resolve, value, error)

    done.add_done_callback(lambda f: None if f.cancelled() else f.exception())
    threading.Thread(target=target, name="analysis", daemon=True).start()
    for _ in range(STOP_REQUESTS):
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            if done.done():
                raise
            # the context makes the thread raise at its next call; that error ends this wait
    return await asyncio.shield(done)


class ContextThreadPool(ThreadPoolExecutor):
    """Runs work in a copy of its submitter's context, which `run_in_executor` alone does not do.

    Its threads are daemons, so hanging work does not delay the exit of the program. It subclasses
    `ThreadPoolExecutor`, whose own threads are no daemons, because `asyncio` requires that.
    """

    def __init__(self, max_workers: int | None = None, thread_name_prefix: str = "worker") -> None:
        super().__init__(max_workers, thread_name_prefix)
        self._limit = self._max_workers
        self._prefix = thread_name_prefix
        self._work: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._count = 0
        self._idle = 0
        self._shut_down = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        submitter_context = contextvars.copy_context()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                value = submitter_context.run(fn, *args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - whoever awaits the future gets it
                future.set_exception(error)
            else:
                future.set_result(value)

        with self._lock:
            if self._shut_down:
                raise RuntimeError("cannot schedule new futures after shutdown")
            if self._idle:
                self._idle -= 1
            elif self._count < self._limit:
                self._count += 1
                name = f"{self._prefix}_{self._count}"
                threading.Thread(target=self._run_worker, name=name, daemon=True).start()
            self._work.put(work)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002 - as in the base
        """Refuse new work. Queued work still runs, and running work is not awaited."""
        with self._lock:
            self._shut_down = True
            for _ in range(self._count):
                self._work.put(None)

    def _run_worker(self) -> None:
        while (work := self._work.get()) is not None:
            work()
            del work
            with self._lock:
                self._idle += 1
