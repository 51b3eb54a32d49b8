"""Limits concurrent requests across threads and event loops."""

import asyncio
import threading
from types import TracebackType

_POLL = 0.02
"""Polling interval in seconds; a request takes about a hundred times as long."""


class ConcurrencyLimit:
    """Semaphore of a process, whose analyses run in threads with an event loop each."""

    def __init__(self, width: int) -> None:
        self._slots = threading.Semaphore(width)

    async def __aenter__(self) -> None:
        while not self._slots.acquire(blocking=False):  # noqa: ASYNC110 - the waiters run in several loops
            await asyncio.sleep(_POLL)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._slots.release()
