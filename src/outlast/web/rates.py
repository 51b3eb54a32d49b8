"""Rate limits: counted in each process, and by all machines together through Redis where it is configured."""

import asyncio
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b
from typing import Any, TypeVar, cast

from limits import RateLimitItem
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import ConfigurationError, StorageError

from outlast.domain.errors import PackageMissing

log = logging.getLogger(__name__)

ANSWER_WITHIN = 0.3
"""Seconds that a request waits for Redis."""
RETRY_REDIS_AFTER = 5.0
"""Seconds until one request tries Redis again."""
MOST_KEYS = 50_000
"""Owners and addresses counted; beyond it the least recently counted one is evicted."""

Seconds = list[tuple[int, int]]
"""(second, count) in order: at most one entry for each second of the window."""

T = TypeVar("T")


class LocalRates:
    """Counts in one process: a moving window with a resolution of one second, by the monotonic clock."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._counts: OrderedDict[bytes, tuple[int, Seconds]] = OrderedDict()
        """Key → (expiry, seconds), the most recently counted last."""

    def allows(self, rate: RateLimitItem, what: Sequence[str], cost: int = 1) -> bool:
        """Whether the rate allows `cost` more."""
        _, seconds = self._counts.get(_key(what), (0, []))
        since = int(self._monotonic()) - rate.get_expiry()
        return sum(count for second, count in seconds if second >= since) <= rate.amount - cost

    def remaining(self, rate: RateLimitItem, what: Sequence[str]) -> tuple[int, int]:
        """How many more the rate allows now, and the seconds until it allows one more."""
        _, seconds = self._counts.get(_key(what), (0, []))
        now = int(self._monotonic())
        counted = [(second, count) for second, count in seconds if second >= now - rate.get_expiry()]
        left = rate.amount - sum(count for _, count in counted)
        return max(0, left), counted[0][0] + rate.get_expiry() + 1 - now if counted else 0

    def count(self, rate: RateLimitItem, what: Sequence[str]) -> None:
        now, key = int(self._monotonic()), _key(what)
        _, seconds = self._counts.pop(key, (0, []))
        since = now - rate.get_expiry()
        seconds = [(second, count) for second, count in seconds if second >= since]
        if seconds and seconds[-1][0] == now:
            seconds[-1] = (now, seconds[-1][1] + 1)
        else:
            seconds.append((now, 1))
        self._counts[key] = (now + rate.get_expiry(), seconds)
        self._forget(now)

    def _forget(self, now: int) -> None:
        """Drop expired entries from the front, and those beyond `MOST_KEYS`."""
        while len(self._counts) > MOST_KEYS or next(iter(self._counts.values()))[0] < now:
            self._counts.popitem(last=False)


class Rates:
    """Counts in this process and, with Redis, across all processes with the same `namespace`.

    Both must allow a request, so that an outage or flush of Redis grants no new allowance. Machines that ask at
    the same time may each allow the last one.
    """

    def __init__(self, redis_url: str | None = None, namespace: str = "") -> None:
        self._local = LocalRates()
        self._storage = None if redis_url is None else _redis_storage(redis_url, namespace)
        self._shared = None if self._storage is None else MovingWindowRateLimiter(self._storage)
        self._redis_away = False
        self._retry_redis_at = 0.0

    async def close(self) -> None:
        """Close the connections to Redis; later calls reconnect."""
        if self._storage is not None:
            await cast("Any", self._storage.bridge).storage.aclose()

    async def allows(self, rate: RateLimitItem, *what: str, cost: int = 1) -> bool:
        """Whether the rate allows `cost` more."""
        if not self._local.allows(rate, what, cost):
            return False
        return await self._query_redis(lambda counts: counts.test(rate, *what, cost=cost)) is not False

    async def remaining(self, rate: RateLimitItem, *what: str) -> tuple[int, int]:
        """How many more the rate allows now, and the seconds until it allows one more."""
        left, seconds = self._local.remaining(rate, what)
        shared = await self._query_redis(lambda counts: counts.get_window_stats(rate, *what))
        if shared is None or shared.remaining > left:
            return left, seconds
        return max(0, shared.remaining), max(0, math.ceil(shared.reset_time - time.time()))

    async def count(self, rate: RateLimitItem, *what: str) -> None:
        self._local.count(rate, what)
        await self._query_redis(lambda counts: counts.hit(rate, *what))

    async def _query_redis(self, ask: Callable[[MovingWindowRateLimiter], Awaitable[T]]) -> T | None:
        """Query the shared counts; `None` without Redis or while it is unavailable."""
        if self._shared is None or (self._redis_away and time.monotonic() < self._retry_redis_at):
            return None
        # set before the call, so that concurrent requests do not wait for an unavailable Redis too
        self._retry_redis_at = time.monotonic() + RETRY_REDIS_AFTER
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                answer = await ask(self._shared)
        except (StorageError, OSError) as error:
            if not self._redis_away:
                log.warning("Redis is unavailable; each process counts starts by itself: %s", error or "no answer")
            self._redis_away = True
            return None
        if self._redis_away:
            log.info("Redis is available again; all machines share their counts of starts.")
            self._redis_away = False
        return answer


def _redis_storage(url: str, namespace: str) -> RedisStorage:
    try:
        return RedisStorage(
            "async+" + url.replace("unix://", "redis+unix://", 1),
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix=f"outlast:{namespace}:rates",
            socket_connect_timeout=ANSWER_WITHIN,
            socket_timeout=ANSWER_WITHIN,
        )
    except ConfigurationError:
        raise PackageMissing("REDIS_URL", "redis") from None


def _key(what: Sequence[str]) -> bytes:
    """A digest of fixed length, as names of owners may be long."""
    return blake2b("\0".join(what).encode(errors="surrogatepass"), digest_size=16).digest()
