"""awa on PostgreSQL: its engine in Rust through the Python bindings, with its default settings."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass

from awa import AsyncClient, Job

from peers.peer import stamp

QUEUE = "default"
# its driver wants a host in the address, and then uses the socket that `?host=` names
ADDRESS = os.environ["BENCH_POSTGRES"].replace(":@/", "@localhost/")


@dataclass
class Begins:
    n: int


@dataclass
class HoldsOn:
    n: int
    seconds: float


class Awa:
    packages = ("awa-pg",)
    drained = 1000
    drains_with = 100

    async def open(self) -> None:
        self._client = AsyncClient(ADDRESS)
        await self._client.migrate()
        await self._client.install_queue_storage()  # as fresh installations get it

    async def begin(self, n: int) -> None:
        await self._client.insert(Begins(n), queue=QUEUE)

    async def hold(self, n: int, seconds: float) -> None:
        await self._client.insert(HoldsOn(n, seconds), queue=QUEUE)

    async def left(self) -> int:
        stats = await self._client.queue_stats()
        return sum(s.scheduled + s.available + s.retryable + s.running for s in stats if s.queue == QUEUE)

    async def close(self) -> None:
        await self._client.close()

    def worker(self, at_once: int) -> list[str]:
        return ["-m", "peers.awa_postgres", str(at_once)]


async def work(at_once: int) -> None:
    """Run a worker until TERM."""
    client = AsyncClient(ADDRESS)

    @client.task(Begins, queue=QUEUE)
    async def begins(job: "Job[Begins]") -> None:
        stamp(job.args.n)

    @client.task(HoldsOn, queue=QUEUE)
    async def holds_on(job: "Job[HoldsOn]") -> None:
        stamp(job.args.n)
        await asyncio.sleep(job.args.seconds)

    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await client.start([(QUEUE, at_once)])
    await stopped.wait()
    with suppress(asyncio.CancelledError):
        await client.shutdown()


peer = Awa()

if __name__ == "__main__":
    asyncio.run(work(int(sys.argv[1])))
