"""Waits for a condition that has no event."""

import asyncio
from collections.abc import Callable

WITHIN = 10.0
"""Timeout of a test in seconds."""


async def until(condition: Callable[[], object]) -> None:
    """Return once the condition holds."""
    async with asyncio.timeout(WITHIN):
        while not condition():  # noqa: ASYNC110 - it is the code under test that would have to set an event
            await asyncio.sleep(0.005)
