"""Outlast on the store that the environment selects."""

import asyncio
import os

from outlast import Outlast
from outlast.app import runtime_of
from peers.peer import stamp

outlast = Outlast()


@outlast.analysis("begins")
async def begins(n: int) -> int:
    stamp(n)
    return n


@outlast.analysis("holds_on")
async def holds_on(n: int, seconds: float) -> int:
    stamp(n)
    await asyncio.sleep(seconds)
    return n


class Ours:
    """Use the embedded store, unless the environment selects another."""

    packages: tuple[str, ...] = ("outlast", "apsw")
    drained = 1000
    drains_with = 1000

    def __init__(self, **environment: str) -> None:
        self._environment = environment

    async def open(self) -> None:
        os.environ.update(self._environment)
        await runtime_of(outlast).open(maintain=False)

    async def begin(self, n: int) -> None:
        await outlast.start("begins", owner=f"o{n}", n=n)

    async def hold(self, n: int, seconds: float) -> None:
        await outlast.start("holds_on", owner=f"o{n}", n=n, seconds=seconds)

    async def left(self) -> int:
        counted = await (await runtime_of(outlast).engine()).store.count()
        return sum(count for status, count in counted.items() if not status.final)

    async def close(self) -> None:
        await outlast.close()

    def worker(self, at_once: int) -> list[str]:
        return ["-m", "outlast", "workers", "run", "--app", "peers.ours:outlast", "--concurrency", str(at_once)]


peer = Ours()
