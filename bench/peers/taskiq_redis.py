"""taskiq on Redis streams with results in Redis, the broker that its documentation recommends."""

import asyncio
import os

import redis
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

from peers.peer import stamp

URL = os.environ["BENCH_REDIS"]
broker = RedisStreamBroker(URL).with_result_backend(RedisAsyncResultBackend(URL, result_ex_time=3600))


@broker.task(task_name="begins")
async def begins(n: int) -> int:
    stamp(n)
    return n


@broker.task(task_name="holds_on")
async def holds_on(n: int, seconds: float) -> int:
    stamp(n)
    await asyncio.sleep(seconds)
    return n


class Taskiq:
    packages = ("taskiq", "taskiq-redis")
    drained = 1000
    drains_with = 100

    async def open(self) -> None:
        await broker.startup()
        self._begun = 0

    async def begin(self, n: int) -> None:
        await begins.kiq(n)
        self._begun += 1

    async def hold(self, n: int, seconds: float) -> None:
        await holds_on.kiq(n, seconds)

    async def left(self) -> int:
        with redis.Redis.from_url(URL) as client:
            return max(0, self._begun + 1 - client.dbsize())  # one key per result, one for the stream

    async def close(self) -> None:
        await broker.shutdown()

    def worker(self, at_once: int) -> list[str]:
        return ["-m", "taskiq", "worker", "peers.taskiq_redis:broker", "--workers", "1",
                "--max-async-tasks", str(at_once), "--log-level", "ERROR"]  # fmt: skip


peer = Taskiq()
