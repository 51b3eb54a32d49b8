"""Celery on Redis with results in Redis; a thread pool, as a thousand processes need a larger machine."""

import os
import time

import redis
from celery import Celery

from peers.peer import stamp

URL = os.environ["BENCH_REDIS"]
app = Celery("peers.celery_redis", broker=URL, backend=URL)
app.conf.update(broker_connection_retry_on_startup=True, task_acks_late=True, worker_send_task_events=False)


@app.task(name="begins")
def begins(n: int) -> int:
    stamp(n)
    return n


@app.task(name="holds_on")
def holds_on(n: int, seconds: float) -> int:
    stamp(n)
    time.sleep(seconds)
    return n


class OfCelery:
    packages = ("celery", "kombu")
    drained = 500
    drains_with = 10

    async def open(self) -> None:
        app.connection_for_write().ensure_connection()

    async def begin(self, n: int) -> None:
        begins.delay(n)

    async def hold(self, n: int, seconds: float) -> None:
        holds_on.delay(n, seconds)

    async def left(self) -> int:
        with redis.Redis.from_url(URL) as client:
            return client.llen("celery") + client.hlen("unacked")

    async def close(self) -> None:
        app.close()

    def worker(self, at_once: int) -> list[str]:
        return ["-m", "celery", "-A", "peers.celery_redis", "worker", "--pool", "threads",
                "--concurrency", str(at_once), "--loglevel", "ERROR"]  # fmt: skip


peer = OfCelery()
