"""`Step.map`: concurrent calls of one step, bounded, with results in order or the first error."""

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar

from outlast.core.analyses import context
from outlast.core.analyses.branch import Branch, branch_off

T = TypeVar("T")
V = TypeVar("V")

AT_ONCE = 10
"""Default number of concurrent calls."""


async def map_async(
    step: str, call: Callable[[T], Awaitable[V]], items: Iterable[T], at_once: int = AT_ONCE
) -> list[V]:
    """Return the results of `call` in the order of `items`. The first error cancels the other calls; the function
    raises it once they have ended.
    """
    checked = _checked(items, at_once)
    results: dict[int, V] = {}
    remaining = iter(enumerate(checked))

    async def work() -> None:
        for index, item in remaining:
            results[index] = await call(item)

    with _reported_fan_out(step, len(checked)):
        workers = {asyncio.ensure_future(work()) for _ in range(min(at_once, len(checked)))}
        pending = workers
        try:
            while pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for worker in done:
                    worker.result()
        finally:
            for worker in pending:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
    return [results[index] for index in range(len(checked))]


def map_blocking(step: str, call: Callable[[T], V], items: Iterable[T], at_once: int = AT_ONCE) -> list[V]:
    """Like `map_async`, in threads. After a failure, a running call ends at its next report or step."""
    checked = _checked(items, at_once)
    attempt = context.current()
    if attempt is not None:
        attempt.loop_for_threads(f"{step}.map of a plain def step")
    with _reported_fan_out(step, len(checked)):
        return _Threads(call, checked).run(min(at_once, len(checked)))


def _say_nothing() -> None:
    """Outside an attempt nobody asks which threads wait."""


class _Threads:
    """Daemon threads that share the items, so that a call that hangs does not delay the exit of the process."""

    def __init__(self, call: Callable[[Any], Any], items: Sequence[Any]) -> None:
        self._call = call
        self._items = items
        self._remaining = iter(enumerate(items))
        self._results: dict[int, Any] = {}
        self._failure: BaseException | None = None
        self._branch = Branch(None)
        self._lock = threading.Lock()
        self._working = 0
        self._wait_is_over: Callable[[], None] = _say_nothing

    def run(self, count: int) -> list[Any]:
        scope = contextvars.copy_context()
        self._branch = scope.run(branch_off)
        threads = [
            threading.Thread(target=scope.copy().run, args=(self._work,), name=f"map-{n}", daemon=True)
            for n in range(count)
        ]
        self._working = count
        attempt = context.current()
        try:
            with nullcontext(self._wait_is_over) if attempt is None else attempt.waiting() as self._wait_is_over:
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
        finally:
            self._branch.stop()
        if self._failure is not None:
            raise self._failure
        return [self._results[index] for index in range(len(self._items))]

    def _work(self) -> None:
        try:
            self._share_items()
        finally:
            with self._lock:
                self._working -= 1
                if self._working == 0:
                    self._wait_is_over()

    def _share_items(self) -> None:
        while (next_item := self._next()) is not None:
            index, item = next_item
            try:
                self._results[index] = self._call(item)
            except BaseException as error:  # noqa: BLE001 - `run` raises it in the thread that called `map`
                with self._lock:
                    self._failure = self._failure or error
                self._branch.stop()

    def _next(self) -> tuple[int, Any] | None:
        with self._lock:
            return None if self._branch.stopped else next(self._remaining, None)


def _checked(items: Iterable[T], at_once: int) -> Sequence[T]:
    if at_once < 1:
        raise ValueError(f"at_once is {at_once}; at least one call at once is needed.")
    return list(items)


@contextmanager
def _reported_fan_out(step: str, calls: int) -> Generator[None]:
    attempt = context.current()
    if attempt is None or not calls:
        yield
        return
    attempt.progress.fan_out(step, calls)
    try:
        yield
    finally:
        attempt.progress.fan_in(step)
