"""Procrastinate on PostgreSQL through psycopg, with LISTEN as by default."""

import asyncio
import os

from procrastinate import App, PsycopgConnector

from peers.peer import stamp

app = App(connector=PsycopgConnector(conninfo=os.environ["BENCH_POSTGRES"]))


@app.task(name="begins")
async def begins(n: int) -> int:
    stamp(n)
    return n


@app.task(name="holds_on")
async def holds_on(n: int, seconds: float) -> int:
    stamp(n)
    await asyncio.sleep(seconds)
    return n


class Procrastinate:
    packages = ("procrastinate", "psycopg")
    drained = 500
    drains_with = 100

    async def open(self) -> None:
        await app.open_async()
        await app.schema_manager.apply_schema_async()

    async def begin(self, n: int) -> None:
        await begins.defer_async(n=n)

    async def hold(self, n: int, seconds: float) -> None:
        await holds_on.defer_async(n=n, seconds=seconds)

    async def left(self) -> int:
        row = await app.connector.execute_query_one_async(
            "SELECT count(*) AS count FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
        )
        count: int = row["count"]
        return count

    async def close(self) -> None:
        await app.close_async()

    def worker(self, at_once: int) -> list[str]:
        return ["-m", "procrastinate", "--app=peers.procrastinate_pg.app", "worker", f"--concurrency={at_once}"]


peer = Procrastinate()
