"""Rate limits of starts, uploads and retries, shared by all machines through Redis where it is configured."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

from limits import RateLimitItem
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import ConfigurationError, StorageError

from outlast.domain.errors import PackageMissing
from outlast.web.local_rates import LocalRates

log = logging.getLogger(__name__)

ANSWER_WITHIN = 0.3
"""Seconds that a request waits for Redis."""
RETRY_REDIS_AFTER = 5.0
"""Seconds until one request tries Redis again."""

Ask = Callable[[MovingWindowRateLimiter], Awaitable[bool]]


class Rates:
    """Counts in this process and, with Redis, across all processes with the same `namespace`.

    Both must allow a request, so that an outage or flush of Redis grants no new allowance. Machines that ask at
    the same time may each allow the last one.
    """

    def __init__(self, redis_url: str | None = None, namespace: str = "") -> None:
        self._local = LocalRates()
        self._storage = None if redis_url is None else _redis_storage(redis_url, namespace)
        self._shared = None if self._storage is None else MovingWindowRateLimiter(self._storage)
        self._away = False
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

    async def count(self, rate: RateLimitItem, *what: str) -> None:
        self._local.count(rate, what)
        await self._query_redis(lambda counts: counts.hit(rate, *what))

    async def _query_redis(self, ask: Ask) -> bool | None:
        """Query the shared counts; `None` without Redis or while it is unavailable."""
        if self._shared is None or (self._away and time.monotonic() < self._retry_redis_at):
            return None
        # set before the call, so that concurrent requests do not wait for an unavailable Redis too
        self._retry_redis_at = time.monotonic() + RETRY_REDIS_AFTER
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                answer = await ask(self._shared)
        except (StorageError, OSError) as error:
            if not self._away:
                log.warning("Redis is unavailable; each process counts starts by itself: %s", error or "no answer")
            self._away = True
            return None
        if self._away:
            log.info("Redis is available again; all machines share their counts of starts.")
            self._away = False
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
