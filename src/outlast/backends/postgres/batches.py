"""Group commit: what the callers of one event loop want to write while others are being written goes together."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from outlast.domain.errors import StoreUnavailable

I = TypeVar("I")  # noqa: E741 - an item
A = TypeVar("A")

AT_ONCE = 2
"""Batches on their way at the same time."""
MOST_WAITING = 20_000
"""Items of one kind that wait; more are refused."""
LARGEST = 250
"""Items in one batch."""


class Batches(Generic[I, A]):
    """One kind of write, or of read. No item waits for company: a batch is what came while there was no free way.

    `write` answers for each item, in their order; an answer that is an exception is its caller's alone.
    """

    def __init__(self, write: Callable[[Sequence[I]], Awaitable[Sequence[A | Exception]]]) -> None:
        self._write = write
        self._waiting: deque[tuple[I, asyncio.Future[A]]] = deque()
        self._under_way: set[asyncio.Task[None]] = set()

    async def write(self, item: I) -> A:
        """The answer for this item. Cancelled before its batch is on its way, it is not written."""
        if len(self._waiting) >= MOST_WAITING:
            raise StoreUnavailable("Too many changes wait to be written.")
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        # one that has ended is forgotten a turn of the loop later, and serves nobody until then
        if sum(not task.done() for task in self._under_way) < AT_ONCE:
            task = asyncio.create_task(self._serve())
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return await answer

    async def drain(self) -> None:
        """Return once all that was accepted has been answered."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _serve(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(LARGEST, len(self._waiting)))]
            wanted = [(item, answer) for item, answer in batch if not answer.cancelled()]
            if wanted:
                await self._answer(wanted)

    async def _answer(self, batch: Sequence[tuple[I, asyncio.Future[A]]]) -> None:
        try:
            answers = await self._write([item for item, _ in batch])
        except StoreUnavailable as error:
            answers = [error] * len(batch)
        except Exception as error:  # noqa: BLE001 - this is a service loop: the error is its caller's
            if len(batch) > 1:  # whose it is shows when each is written alone
                for one in batch:
                    await self._answer([one])
                return
            answers = [error]
        except BaseException:
            for _, answer in batch:
                answer.cancel()
            raise
        for (_, answer), value in zip(batch, answers, strict=True):
            if answer.done():  # its caller was cancelled
                continue
            if isinstance(value, Exception):
                answer.set_exception(value)
            else:
                answer.set_result(value)
