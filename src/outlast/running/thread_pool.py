"""A thread pool for an event loop: work runs in its submitter's context, in daemon threads."""

import contextvars
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

Work = Callable[[], None]


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
