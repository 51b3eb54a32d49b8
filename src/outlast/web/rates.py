"""How often somebody did something in the last minute: counted by all machines together through Redis."""

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
AWAY_FOR = 5.0
"""Seconds until Redis is tried again, by one request."""

Ask = Callable[[MovingWindowRateLimiter], Awaitable[bool]]


class Rates:
    """Counts of this process, and with a Redis those of all with the same `namespace`.

    Nothing is allowed that this process has counted too often, so that Redis may go away or forget everything and
    that is no new allowance. Machines that ask at the same time may each allow the last one.
    """

    def __init__(self, redis_url: str | None = None, namespace: str = "") -> None:
        self._own = LocalRates()
        self._storage = None if redis_url is None else _redis_storage(redis_url, namespace)
        self._shared = None if self._storage is None else MovingWindowRateLimiter(self._storage)
        self._away = False
        self._try_again_at = 0.0

    async def close(self) -> None:
        """Hang up; whoever counts later connects again."""
        if self._storage is not None:
            await cast("Any", self._storage.bridge).storage.aclose()

    async def room(self, rate: RateLimitItem, *what: str, cost: int = 1) -> bool:
        """Whether the rate allows `cost` more."""
        if not self._own.room(rate, what, cost):
            return False
        return await self._ask_all(lambda counts: counts.test(rate, *what, cost=cost)) is not False

    async def count(self, rate: RateLimitItem, *what: str) -> None:
        self._own.count(rate, what)
        await self._ask_all(lambda counts: counts.hit(rate, *what))

    async def _ask_all(self, ask: Ask) -> bool | None:
        """The answer of the shared counts; `None` without them."""
        if self._shared is None or (self._away and time.monotonic() < self._try_again_at):
            return None
        self._try_again_at = (
            time.monotonic() + AWAY_FOR
        )  # who comes meanwhile does not wait for an absent Redis too
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                answer = await ask(self._shared)
        except (StorageError, OSError) as error:
            if not self._away:
                log.warning("Each process counts starts for itself while Redis is away: %s", error or "no answer")
            self._away = True
            return None
        if self._away:
            log.info("Redis is back; starts are counted by all machines together.")
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
