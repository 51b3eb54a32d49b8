"""DBOS on SQLite: one queue with default polling. Run as a program, this module is the worker."""

import asyncio
import os
import threading
from typing import Any

from dbos import DBOS, DBOSClient, DBOSConfig

from peers.peer import stamp

QUEUE = "bench"
VERSION = "bench"
URL = "sqlite:///" + os.environ["BENCH_DBOS"]


@DBOS.workflow(name="begins")
async def begins(n: int) -> int:
    stamp(n)
    return n


@DBOS.workflow(name="holds_on")
async def holds_on(n: int, seconds: float) -> int:
    stamp(n)
    await asyncio.sleep(seconds)
    return n


class OfDbos:
    packages = ("dbos",)
    drained = 100
    drains_with = 1000

    async def open(self) -> None:
        await asyncio.to_thread(launch)  # creates the tables, which a client does not
        await asyncio.to_thread(DBOS.destroy)
        self._client = DBOSClient(system_database_url=URL)

    async def begin(self, n: int) -> None:
        await self._enqueue("begins", n)

    async def hold(self, n: int, seconds: float) -> None:
        await self._enqueue("holds_on", n, seconds)

    async def _enqueue(self, name: str, *values: Any) -> None:
        options: Any = {"queue_name": QUEUE, "workflow_name": name, "app_version": VERSION}
        await self._client.enqueue_async(options, *values)

    async def left(self) -> int:
        waiting = await self._client.list_workflows_async(status=["ENQUEUED", "PENDING"], load_input=False)
        return len(waiting)

    async def close(self) -> None:
        self._client.destroy()

    def worker(self, at_once: int) -> list[str]:
        return ["-m", "peers.dbos_sqlite", str(at_once)]


def launch() -> None:
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": URL,
        "application_version": VERSION,
        "log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.launch()
    DBOS.register_queue(QUEUE)


peer = OfDbos()

if __name__ == "__main__":
    launch()
    threading.Event().wait()
