"""A part that runs for as long as its process: what goes wrong in one round is logged, and the next one comes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from outlast.domain.errors import StoreUnavailable

log = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds before the next round after one that failed."""


async def serve_rounds(name: str, one_round: Callable[[], Awaitable[None]]) -> None:
    """Do one round after the other until cancelled."""
    while True:
        try:
            await one_round()
        except StoreUnavailable as error:
            log.warning("%s has to wait: %s", name, error)
            await asyncio.sleep(PAUSE)
        except Exception:
            log.exception("%s failed; it goes on.", name)
            await asyncio.sleep(PAUSE)
