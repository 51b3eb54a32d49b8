"""Group commit: items that arrive while a batch is being written form the next batch."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from outlast.domain.errors import StoreUnavailable

I = TypeVar("I")  # noqa: E741 - an item
A = TypeVar("A")

MAX_CONCURRENT = 2
"""Batches written at the same time."""
MAX_WAITING = 20_000
"""Items of one kind that may wait; more are refused."""
MAX_BATCH = 250
"""Items in one batch."""


class Batches(Generic[I, A]):
    """Batches one kind of write, or of read. No item waits for others while fewer than `MAX_CONCURRENT` run.

    `write` returns one result per item, in their order; an exception among them is raised in its caller alone.
    """

    def __init__(self, write: Callable[[Sequence[I]], Awaitable[Sequence[A | Exception]]]) -> None:
        self._write = write
        self._waiting: deque[tuple[I, asyncio.Future[A]]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    async def write(self, item: I) -> A:
        """Return the result of this item. If cancelled before its batch is sent, it is not written."""
        if len(self._waiting) >= MAX_WAITING:
            raise StoreUnavailable("Too many changes wait to be written.")
        future: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        # a finished task is discarded one iteration of the loop later, and writes nothing until then
        if sum(not task.done() for task in self._tasks) < MAX_CONCURRENT:
            task = asyncio.create_task(self._write_all())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def drain(self) -> None:
        """Wait until all accepted items have their results."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _write_all(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(MAX_BATCH, len(self._waiting)))]
            pending = [(item, future) for item, future in batch if not future.cancelled()]
            if pending:
                await self._write_batch(pending)

    async def _write_batch(self, batch: Sequence[tuple[I, asyncio.Future[A]]]) -> None:
        try:
            results = await self._write([item for item, _ in batch])
        except StoreUnavailable as error:
            results = [error] * len(batch)
        except Exception as error:  # noqa: BLE001 - a service loop: the callers get the error
            if len(batch) > 1:  # write each alone, so that only the cause of the error fails
                for one in batch:
                    await self._write_batch([one])
                return
            results = [error]
        except BaseException:
            for _, future in batch:
                future.cancel()
            raise
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():  # its caller was cancelled
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
