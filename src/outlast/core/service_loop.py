"""A service loop: repeats one iteration for as long as the process lives, and logs errors instead of ending."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from outlast.domain.errors import StoreUnavailable

log = logging.getLogger(__name__)

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
