"""Threads of an event loop that know the attempt of whoever hands them work, and hold up no exit."""

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
    """Runs what is submitted in the context of its submitter, which `run_in_executor` does not by itself.

    Its threads are daemons: the end of the program does not wait for work that hangs. `asyncio` asks for a
    subclass of `ThreadPoolExecutor`, whose own threads cannot be.
    """

    def __init__(self, max_workers: int | None = None, thread_name_prefix: str = "worker") -> None:
        super().__init__(max_workers, thread_name_prefix)
        self._limit = self._max_workers
        self._prefix = thread_name_prefix
        self._work: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._count = 0
        self._idle = 0
        self._over = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        scope = contextvars.copy_context()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                value = scope.run(fn, *args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - whoever awaits the future gets it
                future.set_exception(error)
            else:
                future.set_result(value)

        with self._guard:
            if self._over:
                raise RuntimeError("cannot schedule new futures after shutdown")
            if self._idle:
                self._idle -= 1
            elif self._count < self._limit:
                self._count += 1
                name = f"{self._prefix}_{self._count}"
                threading.Thread(target=self._serve, name=name, daemon=True).start()
            self._work.put(work)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002 - as in the base
        """Take nothing more; does not wait for what runs, and leaves out nothing that waits."""
        with self._guard:
            self._over = True
            for _ in range(self._count):
                self._work.put(None)

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work()
            del work
            with self._guard:
                self._idle += 1
