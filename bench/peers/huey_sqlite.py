"""huey on SQLite: the same program as the peer of the other benchmarks."""

import os
import time

from huey import SqliteHuey

from peers.peer import stamp

huey = SqliteHuey(filename=os.environ["BENCH_HUEY"])


@huey.task()
def begins(n: int) -> int:
    stamp(n)
    return n


@huey.task()
def holds_on(n: int, seconds: float) -> int:
    stamp(n)
    time.sleep(seconds)
    return n


class Huey:
    packages = ("huey",)
    drained = 1000
    drains_with = 1

    async def open(self) -> None:
        """Do nothing: constructing the object creates the file."""
        self._begun = 0

    async def begin(self, n: int) -> None:
        begins(n)
        self._begun += 1

    async def hold(self, n: int, seconds: float) -> None:
        holds_on(n, seconds)

    async def left(self) -> int:
        return self._begun - huey.storage.result_store_size()

    async def close(self) -> None:
        huey.storage.close()

    def worker(self, at_once: int) -> list[str]:
        return ["-m", "huey.bin.huey_consumer", "peers.huey_sqlite.huey", "-k", "thread", "-w", str(at_once)]


peer = Huey()
