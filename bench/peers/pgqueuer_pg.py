"""pgqueuer on PostgreSQL through asyncpg, by default with its default batch size of ten."""

import asyncio
import json
import os
import sys

import asyncpg
from pgqueuer import AsyncpgDriver, AsyncpgPoolDriver, Job, PgQueuer, Queries

from peers.peer import stamp


async def made() -> PgQueuer:
    """Register the job."""
    pool = await asyncpg.create_pool(os.environ["BENCH_POSTGRES"], min_size=2, max_size=10)
    pgq = PgQueuer(AsyncpgPoolDriver(pool))

    @pgq.entrypoint("begins")
    async def begins(job: Job) -> None:
        assert job.payload is not None
        stamp(json.loads(job.payload)["n"])

    @pgq.entrypoint("holds_on")
    async def holds_on(job: Job) -> None:
        assert job.payload is not None
        values = json.loads(job.payload)
        stamp(values["n"])
        await asyncio.sleep(values["seconds"])

    return pgq


class Pgqueuer:
    """`batch` is the number of jobs dequeued at once."""

    packages = ("pgqueuer", "asyncpg")
    drained = 1000
    drains_with = 100

    def __init__(self, batch: int) -> None:
        self._batch = batch

    async def open(self) -> None:
        self._connection = await asyncpg.connect(os.environ["BENCH_POSTGRES"])
        self._queries = Queries(AsyncpgDriver(self._connection))
        await self._queries.install()

    async def begin(self, n: int) -> None:
        await self._queries.enqueue("begins", json.dumps({"n": n}).encode())

    async def hold(self, n: int, seconds: float) -> None:
        await self._queries.enqueue("holds_on", json.dumps({"n": n, "seconds": seconds}).encode())

    async def left(self) -> int:
        count: int = await self._connection.fetchval("SELECT count(*) FROM pgqueuer")
        return count

    async def close(self) -> None:
        await self._connection.close()

    def worker(self, at_once: int) -> list[str]:
        return ["-m", "peers.pgqueuer_pg", str(at_once), str(self._batch)]


async def work(at_once: int, batch: int) -> None:
    """Run the worker as its command line does, whose option for the log level is broken."""
    await (await made()).run(batch_size=batch, max_concurrent_tasks=max(at_once, 2 * batch))


peer = Pgqueuer(batch=10)

if __name__ == "__main__":
    asyncio.run(work(int(sys.argv[1]), int(sys.argv[2])))
