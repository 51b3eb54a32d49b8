"""A part that runs for as long as its process: what goes wrong in one round is logged, and the next one comes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from outlast.domain.errors import StoreUnavailable

log = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds before the next round after one that failed."""
SAY_AGAIN_EVERY = 60
"""Rounds without the store after which the log says so again."""


async def serve_rounds(name: str, one_round: Callable[[], Awaitable[None]]) -> None:
    """Do one round after the other until cancelled."""
    waited = 0
    while True:
        try:
            await one_round()
            if waited:
                log.warning("%s goes on, after %d rounds without the store.", name, waited)
                waited = 0
        except StoreUnavailable as error:
            if waited % SAY_AGAIN_EVERY == 0:
                log.warning("%s has to wait: %s", name, error)
            waited += 1
            await asyncio.sleep(PAUSE)
        except Exception:
            log.exception("%s failed; it goes on.", name)
            await asyncio.sleep(PAUSE)
