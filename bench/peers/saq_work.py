"""SAQ on a given queue."""

import asyncio
import os
from typing import Any

from saq import Queue

from peers.peer import stamp


async def begins(context: Any, *, n: int) -> int:  # noqa: ARG001 - how SAQ calls its functions
    stamp(n)
    return n


async def holds_on(context: Any, *, n: int, seconds: float) -> int:  # noqa: ARG001 - as above
    stamp(n)
    await asyncio.sleep(seconds)
    return n


def settings_of(queue: Queue) -> dict[str, Any]:
    """The settings of its worker."""
    return {
        "queue": queue,
        "functions": [begins, holds_on],
        "concurrency": int(os.environ.get("BENCH_AT_ONCE", "100")),
    }


class Saq:
    drained = 500
    drains_with = 100

    def __init__(self, module: str, queue: Queue, packages: tuple[str, ...]) -> None:
        self.packages = packages
        self._module = module
        self._queue = queue

    async def open(self) -> None:
        await self._queue.connect()

    async def begin(self, n: int) -> None:
        await self._queue.enqueue("begins", n=n)

    async def hold(self, n: int, seconds: float) -> None:
        await self._queue.enqueue("holds_on", n=n, seconds=seconds, timeout=600)

    async def left(self) -> int:
        return await self._queue.count("incomplete")

    async def close(self) -> None:
        await self._queue.disconnect()

    def worker(self, at_once: int) -> list[str]:
        os.environ["BENCH_AT_ONCE"] = str(at_once)
        return ["-m", "saq", f"{self._module}.settings", "--quiet"]
