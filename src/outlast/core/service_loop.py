"""Loops that outlive an unavailable store: a service loop that logs errors instead of ending, and a retry."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from outlast.core.store_outage import StoreOutage
from outlast.domain.errors import StoreUnavailable
from outlast.ports.clock import Clock

log = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_DELAY = 1.0
"""Seconds before the next iteration after a failed one."""
WRITER = "The end of an attempt"
"""What waits for the store in `retry_until_available`, for the log."""


async def run_forever(
    name: str, iteration: Callable[[], Awaitable[None]], outage: StoreOutage | None = None
) -> None:
    """Repeat `iteration` until cancelled."""
    outage = outage or StoreOutage()
    while True:
        try:
            await iteration()
            outage.answered(name)
        except StoreUnavailable as error:
            outage.failed(name, error)
            await asyncio.sleep(RETRY_DELAY)
        except Exception:
            log.exception("%s failed and continues.", name)
            await asyncio.sleep(RETRY_DELAY)


async def retry_until_available(
    work: Callable[[], Awaitable[T]], clock: Clock, rng: random.Random, outage: StoreOutage | None = None
) -> T:
    """Return the value of `work`, retrying with full jitter while the store is unavailable."""
    limit = 0.1
    while True:
        try:
            value = await work()
        except StoreUnavailable as error:
            if outage is not None:
                outage.failed(WRITER, error)
            await clock.sleep(rng.uniform(0, limit))
            limit = min(5.0, limit * 2)
        else:
            if outage is not None:
                outage.answered(WRITER)
            return value
