"""Lets so many requests through at once, whatever threads and event loops they come from."""

import asyncio
import threading
from types import TracebackType

_LOOK = 0.02
"""Seconds between looks of those who wait; a request takes some hundred times as long."""


class ConcurrencyLimit:
    """One for a process: its analyses run in threads, each with an event loop of its own."""

    def __init__(self, width: int) -> None:
        self._places = threading.Semaphore(width)

    async def __aenter__(self) -> None:
        while not self._places.acquire(blocking=False):  # noqa: ASYNC110 - those who wait are in several loops
            await asyncio.sleep(_LOOK)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._places.release()
