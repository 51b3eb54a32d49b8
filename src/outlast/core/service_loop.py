"""Loops that outlive an unavailable store: a service loop that logs errors instead of ending, and a retry."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from outlast.domain.errors import StoreUnavailable
from outlast.ports.clock import Clock

log = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_DELAY = 1.0
"""Seconds before the next iteration after a failed one."""
LOG_EVERY = 60
"""Log an unavailable store once per this many failed iterations."""


async def run_forever(name: str, iteration: Callable[[], Awaitable[None]]) -> None:
    """Repeat `iteration` until cancelled."""
    failures = 0
    while True:
        try:
            await iteration()
            if failures:
                log.warning("%s continues after %d failed attempt(s) to reach the store.", name, failures)
                failures = 0
        except StoreUnavailable as error:
            if failures % LOG_EVERY == 0:
                log.warning("%s waits for the store: %s", name, error)
            failures += 1
            await asyncio.sleep(RETRY_DELAY)
        except Exception:
            log.exception("%s failed and continues.", name)
            await asyncio.sleep(RETRY_DELAY)


async def retry_until_available(work: Callable[[], Awaitable[T]], clock: Clock, rng: random.Random) -> T:
    """Return the value of `work`, retrying with full jitter while the store is unavailable."""
    limit = 0.1
    while True:
        try:
            return await work()
        except StoreUnavailable:
            await clock.sleep(rng.uniform(0, limit))
            limit = min(5.0, limit * 2)
